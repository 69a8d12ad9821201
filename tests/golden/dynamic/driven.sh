#!/bin/bash
# chromplan 0.1.0, plan abc123: impute, round 1, 6 tasks
# One attempt of a task, as a step of 'chromplan drive': takes its turn, runs measured, leaves its exit code.
# $1: where what is kept of it begins; $2: its turn; $3: its peak record
set -uo pipefail
mv "$1.$2.wait" "$1.begun" || exit 75 # its turn was taken back: another attempt runs, or will
CHROMPLAN_TMP=$(mktemp -d "${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/chromplan.XXXXXX") || exit
export CHROMPLAN_TMP
trap 'rm -rf "$CHROMPLAN_TMP"' EXIT
echo "$SLURM_STEP_ID $$ $CHROMPLAN_TMP" >"$1.begun"
# what measures outlives what it measures: it hears no SIGTERM, the command does (coreutils 8.31 or newer)
spared=()
if env --default-signal=TERM true 2>/dev/null; then
  spared=(env --default-signal=TERM)
fi

# where Slurm tells only this shell to end, its command hears it, too
told=
pid=
# shellcheck disable=SC2317,SC2329  # the trap calls it
tell() {
  told=told
  [ -z "$pid" ] || kill -TERM -- "-$pid" 2>/dev/null
}
trap tell TERM
set -m # the command gets a process group of its own
(
  [ -z "${spared[*]}" ] || trap '' TERM
  exec bash rounds/r001/measure.sh "$3" "${spared[@]}" bash rounds/r001/command.sh
) &
pid=$!
set +m
code=0
while wait "$pid" || code=$?; kill -0 "$pid" 2>/dev/null; do # a signal ends the wait, not the command
  code=0
done
# Slurm tells one process after the other: the command may have heard it, and ended, first
[ "$code" -ne 143 ] || [ -n "$told" ] || sleep 1
while [ -n "$told" ] && kill -0 -- "-$pid" 2>/dev/null; do # it may still be tidying up
  sleep 0.2
done
echo "$code $told" >"$1.end.part" && mv "$1.end.part" "$1.end"
exit "$code"
