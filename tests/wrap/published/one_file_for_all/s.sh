#!/bin/bash
#SBATCH --array=1-3%1 --mem=50M -t 5
#SBATCH -o all.log --open-mode=append
echo "$SLURM_ARRAY_TASK_ID"
echo "e$SLURM_ARRAY_TASK_ID" >&2
