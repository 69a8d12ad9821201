#!/bin/bash
#SBATCH --job-name=stage1 --array=1-3 --mem=60M -t 5 -o st1.%a
echo "$SLURM_ARRAY_TASK_ID" > p.$SLURM_ARRAY_TASK_ID
mkdir done.$SLURM_ARRAY_TASK_ID
n=$(ls -d done.* | wc -l)
if [ "$n" -eq "$SLURM_ARRAY_TASK_COUNT" ] && mkdir lock 2>/dev/null; then sbatch -J stage2 -o st2.out --mem=50M -t 5 -d afterok:$SLURM_ARRAY_JOB_ID next.sh "$SLURM_ARRAY_TASK_COUNT" | cut -d' ' -f1-3; fi > /dev/null
