#!/bin/sh -e
#SBATCH --job-name=dash
#SBATCH --array=21-22
#SBATCH --mem=60M
#SBATCH --output=dash_%a.out
echo "flags $-"
[ "$SLURM_ARRAY_TASK_ID" -eq 22 ] && echo "twenty-two"
test "$SLURM_ARRAY_TASK_ID" -eq 22
echo "reached"
