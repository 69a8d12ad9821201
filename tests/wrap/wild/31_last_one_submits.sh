#!/bin/bash
#SBATCH --array=1-3 --mem=60M --time=5 -o part.%a.out
# the last element hands the next stage in; $0 is Slurm's copy, so the script is asked for by name
echo "part $SLURM_ARRAY_TASK_ID" > "part.$SLURM_ARRAY_TASK_ID"
if [ "$SLURM_ARRAY_TASK_ID" -eq "$SLURM_ARRAY_TASK_MAX" ]; then
  sbatch --parsable --dependency="afterany:$SLURM_ARRAY_JOB_ID" --mem=50M -t 5 -o gather.out \
    --wrap='cat part.1 part.2 part.3 > gathered.txt; echo ${SLURM_ARRAY_TASK_ID:-no array}' > /dev/null
fi
