#!/bin/bash
# chromplan 0.1.0, plan abc123: impute, round 1, 6 tasks
#SBATCH --job-name=impute.r001.abc123
#SBATCH --array=1-6%2
#SBATCH --mem=1361M
#SBATCH --partition=main
#SBATCH --account=genomics
#SBATCH --cpus-per-task=1
#SBATCH --time=02:00:00
#SBATCH --acctg-freq=task=5
#SBATCH --output=rounds/r001/logs/%x_%A_%a.out
#SBATCH --open-mode=append
#SBATCH --no-requeue
set -euo pipefail

# array index -> task; submit.sh sets each element's memory, time limit and place in the queue
#             task sample chromosome panel
# shellcheck disable=SC2016  # names are data
case $SLURM_ARRAY_TASK_ID in
  1) set -- NA1.chr20 NA1 20 'it'"'"'s' ;; # 1361 MB
  2) set -- NA1.chr21 NA1 21 'it'"'"'s' ;; # 1063 MB
  3) set -- NA1.chr22 NA1 22 'it'"'"'s' ;; # 1127 MB
  4) set -- a_b-c8687a08.chr20 'a b' 20 'it'"'"'s' ;; # 1361 MB
  5) set -- a_b-c8687a08.chr21 'a b' 21 'it'"'"'s' ;; # 1063 MB
  6) set -- a_b-c8687a08.chr22 'a b' 22 'it'"'"'s' ;; # 1127 MB
  *) echo "no task has index $SLURM_ARRAY_TASK_ID" >&2; exit 2 ;;
esac
export CHROMPLAN_TASK=$1 CHROMPLAN_SAMPLE=$2 CHROMPLAN_CHROMOSOME=$3 CHROMPLAN_PANEL=$4
export CHROMPLAN_CPUS=1
export CHROMPLAN_MEM_MB=${SLURM_MEM_PER_NODE:-1361}
export CHROMPLAN_JAVA_HEAP_MB=$((CHROMPLAN_MEM_MB > 240 ? CHROMPLAN_MEM_MB - 100 - CHROMPLAN_MEM_MB / 20 : CHROMPLAN_MEM_MB / 2))

# If a task was submitted twice, only the first job runs it. A requeued job finds its own id and runs again.
take_turn() {
  local first
  ln -s "$2" "rounds/r001/turns/$1" 2>/dev/null || true
  first=$(readlink "rounds/r001/turns/$1" || true)
  if [ "${first:-$2}" != "$2" ]; then
    echo "$1: job $first runs this task, so job $2 does nothing"
    return 75
  fi
}
id=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
own="rounds/r001/peaks/$CHROMPLAN_TASK.$id" # files of this attempt: its peak, its exit code
take_turn "$CHROMPLAN_TASK" "$id"
rm -f "$own.end"

CHROMPLAN_TMP=$(mktemp -d "${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/chromplan.XXXXXX")
export CHROMPLAN_TMP
trap 'echo $? >"$own.end"; rm -rf "$CHROMPLAN_TMP"' EXIT

echo "$CHROMPLAN_TASK: $CHROMPLAN_MEM_MB MB on $(hostname)"
# measure.sh writes the peak memory of the task's whole process tree to $own
srun --export=ALL --job-name="$CHROMPLAN_TASK" --ntasks=1 --cpus-per-task=1 \
  bash rounds/r001/measure.sh "$own" bash rounds/r001/command.sh &
step=$!
# the step runs in the background because bash handles signals only while it waits
trap 'kill -TERM "$step"; wait "$step"; exit 143' TERM
wait "$step"
