#!/bin/bash
#SBATCH -J patterns
#SBATCH --array=8-10
#SBATCH --mem=60M
#SBATCH --output=logs/%x-%A_%3a-%u.out
#SBATCH --error=logs/%x-%a%%.err
echo "to stdout from $SLURM_ARRAY_TASK_ID"
echo "to stderr from $SLURM_ARRAY_TASK_ID" >&2
/no/such/program
