#!/bin/bash
#SBATCH -a 1-3 --mem=60M -o stage.%a
echo "$SLURM_ARRAY_TASK_ID" > "first.$SLURM_ARRAY_TASK_ID"
if [ "$SLURM_ARRAY_TASK_ID" = "$SLURM_ARRAY_TASK_MAX" ]; then
  sbatch --parsable --mem=60M -o second.out --dependency="afterok:$SLURM_ARRAY_JOB_ID" \
    --wrap 'cat first.1 first.2 first.3 > second' > /dev/null
fi
