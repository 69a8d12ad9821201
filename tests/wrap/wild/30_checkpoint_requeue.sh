#!/bin/bash
#SBATCH --array=1-2 --mem=60M --time=5
#SBATCH --requeue --open-mode=append
#SBATCH -o checkpoint.%a.out
state=state.$SLURM_ARRAY_TASK_ID
step=$(cat "$state" 2>/dev/null || echo 0)
echo "step $step, restart ${SLURM_RESTART_COUNT:-none}"
if [ "$step" -eq 0 ]; then
  echo 1 > "$state"
  scontrol requeue "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
  exec sleep 300
fi
echo "done after a requeue" > "final.$SLURM_ARRAY_TASK_ID"
