#!/bin/bash
#SBATCH --array=1-2 --mem=50M -t 5 -o ps.%a -J pipe
echo "$SLURM_ARRAY_TASK_ID $*"
