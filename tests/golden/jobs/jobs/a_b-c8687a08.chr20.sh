#!/bin/bash
# chromplan 0.1.0, plan abc123: impute, round 1, 6 tasks
#SBATCH --job-name=impute.r001.abc123.a_b-c8687a08.chr20
#SBATCH --mem=1361M
#SBATCH --partition=main
#SBATCH --account=genomics
#SBATCH --cpus-per-task=1
#SBATCH --time=02:00:00
#SBATCH --nice=1
#SBATCH --acctg-freq=task=5
#SBATCH --output=rounds/r001/logs/%x_%j.out
#SBATCH --open-mode=append
#SBATCH --no-requeue
set -euo pipefail

# task sample chromosome panel
# shellcheck disable=SC2016  # names are data
set -- a_b-c8687a08.chr20 'a b' 20 'it'"'"'s'
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
id=$SLURM_JOB_ID
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
