#!/bin/bash
#SBATCH --array=1-4%1 --mem=50M -t 5 -o w.%a
if [ "$SLURM_ARRAY_TASK_ID" = 1 ]; then sleep 2; scancel --state=PENDING $SLURM_ARRAY_JOB_ID; sleep 2; fi
echo won > w$SLURM_ARRAY_TASK_ID
