#!/bin/bash
#SBATCH --array=1-4 --mem=50M --time=5 -o own.%a.out
me=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
if [ "$SLURM_ARRAY_TASK_ID" = 2 ]; then
  scancel "$me"
  exec sleep 300
fi
scontrol show job "$me" | grep -o "ArrayTaskId=[0-9]*" > "told.$SLURM_ARRAY_TASK_ID"
sleep 2
