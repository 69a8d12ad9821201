#!/bin/bash
#SBATCH --array=0-1 --mem=60M
#SBATCH --output='out put_%a.txt' --comment="größer"
echo "$SLURM_JOB_NAME in $(basename "$0")"
touch "Ergebnis $SLURM_ARRAY_TASK_ID"
