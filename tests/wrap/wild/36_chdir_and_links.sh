#!/bin/bash
#SBATCH --array=1-2 --mem=60M -t 5
#SBATCH --chdir=sub
#SBATCH --output=out.%a.txt --error=err.%a.txt
pwd
echo "submitted from $SLURM_SUBMIT_DIR" >&2
ln -sf "out.$SLURM_ARRAY_TASK_ID.txt" "link.$SLURM_ARRAY_TASK_ID"
