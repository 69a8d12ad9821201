#!/bin/bash
#SBATCH --mem=60M --time=5 --job-name=gather
#SBATCH --output=gather.%x.out
echo "one job: ${SLURM_ARRAY_TASK_ID:-no index}, called $SLURM_JOB_NAME with $*"
