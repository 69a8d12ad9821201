#!/bin/bash
# chromplan 0.1.0, plan abc123: impute.a_b-4e2d9b0d, round 1, 22 tasks
#SBATCH --job-name=impute.a_b-4e2d9b0d.r001.abc123
#SBATCH --array=1-22%4
#SBATCH --mem=2048M
#SBATCH --partition=main
#SBATCH --account=genomics
#SBATCH --qos=long
#SBATCH --cpus-per-task=2
#SBATCH --time=02:00:00
#SBATCH "--comment=say \"a\" # b"
#SBATCH --mail-type=END
#SBATCH --acctg-freq=task=5
#SBATCH --output=rounds/r001/logs/%x_%A_%a.out
#SBATCH --open-mode=append
#SBATCH --no-requeue
set -euo pipefail

# index -> task; memory, time limit and order are each element's own: see submit.sh
#             task sample chromosome index
# shellcheck disable=SC2016  # names are data
case $SLURM_ARRAY_TASK_ID in
  1) set -- chr1 '' 1 1 ;; # 2048 MB
  2) set -- chr2 '' 2 2 ;; # 2048 MB
  3) set -- chr3 '' 3 3 ;; # 2048 MB
  4) set -- chr4 '' 4 4 ;; # 2048 MB
  5) set -- chr5 '' 5 5 ;; # 2048 MB
  6) set -- chr6 '' 6 6 ;; # 2048 MB
  7) set -- chr7 '' 7 7 ;; # 2048 MB
  8) set -- chr8 '' 8 8 ;; # 2048 MB
  9) set -- chr9 '' 9 9 ;; # 2048 MB
  10) set -- chr10 '' 10 10 ;; # 2048 MB
  11) set -- chr11 '' 11 11 ;; # 2048 MB
  12) set -- chr12 '' 12 12 ;; # 2048 MB
  13) set -- chr13 '' 13 13 ;; # 2048 MB
  14) set -- chr14 '' 14 14 ;; # 2048 MB
  15) set -- chr15 '' 15 15 ;; # 2048 MB
  16) set -- chr16 '' 16 16 ;; # 2048 MB
  17) set -- chr17 '' 17 17 ;; # 2048 MB
  18) set -- chr18 '' 18 18 ;; # 2048 MB
  19) set -- chr19 '' 19 19 ;; # 2048 MB
  20) set -- chr20 '' 20 20 ;; # 2048 MB
  21) set -- chr21 '' 21 21 ;; # 2048 MB
  22) set -- chr22 '' 22 22 ;; # 2048 MB
  *) echo "no task has index $SLURM_ARRAY_TASK_ID" >&2; exit 2 ;;
esac
export CHROMPLAN_TASK=$1 CHROMPLAN_SAMPLE=$2 CHROMPLAN_CHROMOSOME=$3 CHROMPLAN_INDEX=$4
export CHROMPLAN_CPUS=2
export CHROMPLAN_MEM_MB=${SLURM_MEM_PER_NODE:-2048}
export CHROMPLAN_JAVA_HEAP_MB=$((CHROMPLAN_MEM_MB > 240 ? CHROMPLAN_MEM_MB - 120 : CHROMPLAN_MEM_MB / 2))

# a task that was submitted twice runs once: of two jobs one is first; one that Slurm starts again finds its own id
take_turn() {
  local first
  ln -s "$2" "rounds/r001/turns/$1" 2>/dev/null || true
  first=$(readlink "rounds/r001/turns/$1" || true)
  if [ "${first:-$2}" != "$2" ]; then
    echo "$1: job $first has taken its turn, $2 does nothing"
    return 75
  fi
}
id=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
own="rounds/r001/peaks/$CHROMPLAN_TASK.$id" # what this attempt records of itself: its peak, its exit code
take_turn "$CHROMPLAN_TASK" "$id"
rm -f "$own.end"

CHROMPLAN_TMP=$(mktemp -d "${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/chromplan.XXXXXX")
export CHROMPLAN_TMP
trap 'echo $? >"$own.end"; rm -rf "$CHROMPLAN_TMP"' EXIT

echo "$CHROMPLAN_TASK: $CHROMPLAN_MEM_MB MB on $(hostname)"
# the task's own peak record: no polling, so a short peak counts too
measure=()
if [ -x /usr/bin/time ]; then
  measure=(/usr/bin/time -f 'peak_kib=%M elapsed_s=%e rc=%x' -o "$own")
fi
# the script runs as the batch step itself, as it always did: its own sruns find the whole job
set -m # without job control bash would have it ignore SIGINT and SIGQUIT
"${measure[@]}" bash rounds/r001/command.sh &
outer=$!
set +m
script_pid() { cat "$CHROMPLAN_TMP/pid" 2>/dev/null; }

# a signal for the batch script alone goes on to the script; one for all processes ended the measuring one, too
# shellcheck disable=SC2317,SC2329  # the traps call it
forward() {
  signalled=yes
  sleep 0.1
  if kill -0 "$outer" 2>/dev/null; then
    kill -s "$1" "$(script_pid)" 2>/dev/null || true
  fi
}
for name in HUP INT QUIT USR1 USR2 TERM CONT; do
  # shellcheck disable=SC2064  # the name is known now
  trap "forward $name" "$name"
done

code=0
signalled=yes
while [ -n "$signalled" ]; do # a signal ends the wait, not the script
  signalled=
  code=0
  wait "$outer" || code=$?
done
while kill -0 "$(script_pid)" 2>/dev/null; do # it may still be tidying up
  sleep 0.2
done
if [ "$code" -ne 0 ]; then
  tail -c 16384 "$CHROMPLAN_TMP/stderr" >&2 || true
fi
exit "$code"
