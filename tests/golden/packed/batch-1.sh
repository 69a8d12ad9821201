#!/bin/bash
# chromplan 0.1.0, plan abc123: impute, round 1, 6 tasks
#SBATCH --job-name=impute.r001.abc123.batch-1
#SBATCH --mem=2762M
#SBATCH --partition=main
#SBATCH --account=genomics
#SBATCH --nodes=1
#SBATCH --ntasks=2
#SBATCH --cpus-per-task=1
#SBATCH --time=06:00:00
#SBATCH --acctg-freq=task=5
#SBATCH --output=rounds/r001/logs/%x_%j.out
#SBATCH --open-mode=append
#SBATCH --no-requeue
# shellcheck disable=SC2016  # names are data
set -euo pipefail

# 6 tasks share this allocation, each as a step with its own memory limit
free=2746   # MB for the tasks and their sruns; the job's other 16 MB are for this script
srun_mb=12
slots=2
declare -A held=() # pid of a running task -> its MB
failed=$(mktemp)
trap 'rm -f "$failed"' EXIT

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

# run_task MB TIME task sample chromosome panel
run_task() {
  local mem_mb=$1 limit=$2
  shift 2
  export CHROMPLAN_TASK=$1 CHROMPLAN_SAMPLE=$2 CHROMPLAN_CHROMOSOME=$3 CHROMPLAN_PANEL=$4
  export CHROMPLAN_CPUS=1 CHROMPLAN_MEM_MB=$mem_mb
  export CHROMPLAN_JAVA_HEAP_MB=$((mem_mb > 240 ? mem_mb - 100 - mem_mb / 20 : mem_mb / 2))
  local own="rounds/r001/peaks/$CHROMPLAN_TASK.$SLURM_JOB_ID" code=0
  take_turn "$CHROMPLAN_TASK" "$SLURM_JOB_ID" || return 0
  rm -f "$own.end"
  CHROMPLAN_TMP=$(mktemp -d "${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/chromplan.XXXXXX")
  export CHROMPLAN_TMP
  trap 'rm -rf "$CHROMPLAN_TMP"' EXIT
  srun --export=ALL --exact --job-name="$CHROMPLAN_TASK" --ntasks=1 --cpus-per-task=1 --mem="${mem_mb}M" \
    --time="$limit" --output="rounds/r001/logs/$CHROMPLAN_TASK.$SLURM_JOB_ID.out" --open-mode=append \
    bash rounds/r001/measure.sh "$own" bash rounds/r001/command.sh || code=$?
  echo "$code" >"$own.end"
  [ "$code" -eq 0 ] || echo "$CHROMPLAN_TASK" >>"$failed"
}

# free the slots and the memory of tasks that have ended
collect() {
  local pid
  for pid in "${!held[@]}"; do
    if ! kill -0 "$pid" 2>/dev/null; then
      free=$((free + held[$pid])) slots=$((slots + 1))
      unset "held[$pid]"
    fi
  done
}

# wait until a slot and enough memory are free, then start the task; tasks start in order
start() {
  local need=$(($1 + srun_mb))
  while collect; [ "$slots" -lt 1 ] || [ "$free" -lt "$need" ]; do
    wait -n || true
  done
  (run_task "$@") &
  held[$!]=$need
  free=$((free - need)) slots=$((slots - 1))
}

start 1361 2:00:00 NA1.chr20 NA1 20 'it'"'"'s'
start 1361 2:00:00 a_b-c8687a08.chr20 'a b' 20 'it'"'"'s'
start 1127 2:00:00 NA1.chr22 NA1 22 'it'"'"'s'
start 1127 2:00:00 a_b-c8687a08.chr22 'a b' 22 'it'"'"'s'
start 1063 2:00:00 NA1.chr21 NA1 21 'it'"'"'s'
start 1063 2:00:00 a_b-c8687a08.chr21 'a b' 21 'it'"'"'s'
wait
if [ -s "$failed" ]; then
  echo "failed: $(tr '\n' ' ' <"$failed")" >&2
  exit 1
fi
