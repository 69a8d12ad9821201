#!/bin/bash
# chromplan 0.1.0, plan abc123: impute, round 1, 6 tasks
# Runs one attempt of a task as a step of 'chromplan drive': claims the task, measures it, and saves its exit code.
# $1: prefix of this attempt's files; $2: number of its claim; $3: file for its peak
set -uo pipefail
mv "$1.$2.wait" "$1.begun" || exit 75 # the claim was withdrawn: another attempt runs the task
CHROMPLAN_TMP=$(mktemp -d "${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/chromplan.XXXXXX") || exit
export CHROMPLAN_TMP
trap 'rm -rf "$CHROMPLAN_TMP"' EXIT
echo "$SLURM_STEP_ID $$ $CHROMPLAN_TMP" >"$1.begun"
# measure.sh ignores SIGTERM, so that it outlives the command, which gets it as usual (needs coreutils 8.31 or newer)
spared=()
if env --default-signal=TERM true 2>/dev/null; then
  spared=(env --default-signal=TERM)
fi

# if Slurm sends SIGTERM to this shell only, pass it on to the command
told=
pid=
# shellcheck disable=SC2317,SC2329  # the trap calls it
tell() {
  told=told
  [ -z "$pid" ] || kill -TERM -- "-$pid" 2>/dev/null
}
trap tell TERM
set -m # give the command a process group of its own
(
  [ -z "${spared[*]}" ] || trap '' TERM
  exec bash rounds/r001/measure.sh "$3" "${spared[@]}" bash rounds/r001/command.sh
) &
pid=$!
set +m
code=0
while wait "$pid" || code=$?; kill -0 "$pid" 2>/dev/null; do # a signal interrupts the wait, not the command
  code=0
done
# Slurm signals one process after another: the command may have ended before this shell gets the signal
[ "$code" -ne 143 ] || [ -n "$told" ] || sleep 1
while [ -n "$told" ] && kill -0 -- "-$pid" 2>/dev/null; do # the command may still be cleaning up
  sleep 0.2
done
echo "$code $told" >"$1.end.part" && mv "$1.end.part" "$1.end"
exit "$code"
