#!/bin/bash
# chromplan 0.1.0, plan abc123: impute, round 1, 6 tasks
#SBATCH --job-name=impute.r001.abc123
#SBATCH --mem=1401M
#SBATCH --partition=fat
#SBATCH --account=genomics
#SBATCH --qos=large
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=08:00:00
#SBATCH --acctg-freq=task=5
#SBATCH --output=rounds/r001/logs/%x_%j.out
#SBATCH --open-mode=append
#SBATCH --no-requeue
#SBATCH hetjob
#SBATCH --job-name=impute.r001.abc123
#SBATCH --mem=1127M
#SBATCH --partition=thin
#SBATCH --account=genomics
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --time=08:00:00
#SBATCH --acctg-freq=task=5
#SBATCH --no-requeue
set -euo pipefail

# 6 tasks on nodes of several types, each as a step with its own memory limit; this script runs in component 0
failed=$(mktemp)
trap 'rm -f "$failed"' EXIT
srun_mb=0 # all sruns run on the node of component 0, which has memory set aside for them

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
  local own="rounds/r001/peaks/$CHROMPLAN_TASK.$SLURM_JOB_ID+$group" code=0
  take_turn "$CHROMPLAN_TASK" "$SLURM_JOB_ID+$group" || return 0
  rm -f "$own.end"
  # step.sh creates the temporary folder on the task's node
  srun --export=ALL --het-group="$group" --exact --job-name="$CHROMPLAN_TASK" --ntasks=1 --cpus-per-task=1 --mem="${mem_mb}M" \
    --time="$limit" --output="rounds/r001/logs/$CHROMPLAN_TASK.$SLURM_JOB_ID+$group.out" --open-mode=append \
    bash rounds/r001/step.sh "$own" || code=$?
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

# component 0: fat, 2 tasks
(
  group=0
  free=1361   # MB for the tasks; the component's other 40 MB are for this script and all sruns
  slots=1
  declare -A held=() # pid of a running task -> its MB
  # shellcheck disable=SC2016  # names are data
  {
    start 1361 2:00:00 NA1.chr20 NA1 20 'it'"'"'s'
    start 1361 2:00:00 a_b-c8687a08.chr20 'a b' 20 'it'"'"'s'
  }
  wait
) &
# component 1: thin, 4 tasks
(
  group=1
  free=1127   # MB for the tasks
  slots=1
  declare -A held=() # pid of a running task -> its MB
  # shellcheck disable=SC2016  # names are data
  {
    start 1127 2:00:00 NA1.chr22 NA1 22 'it'"'"'s'
    start 1127 2:00:00 a_b-c8687a08.chr22 'a b' 22 'it'"'"'s'
    start 1063 2:00:00 NA1.chr21 NA1 21 'it'"'"'s'
    start 1063 2:00:00 a_b-c8687a08.chr21 'a b' 21 'it'"'"'s'
  }
  wait
) &
wait
if [ -s "$failed" ]; then
  echo "failed: $(tr '\n' ' ' <"$failed")" >&2
  exit 1
fi
