#!/bin/bash -l
#SBATCH --array=1,3,5-9:2%2
#SBATCH --mem=70M
#SBATCH --time=5:00
#SBATCH --output=logs/%x.%3a.%%.out
#SBATCH --job-name="plink two"
plink2() { echo "$0 plink2 $*" | sed 's|^.*/slurm_script|slurm_script|'; }
plink2 --chr "$SLURM_ARRAY_TASK_ID" --memory "$SLURM_MEM_PER_NODE" --out "c$SLURM_ARRAY_TASK_ID"
echo "$SLURM_JOB_NAME of $SLURM_ARRAY_TASK_COUNT: $SLURM_ARRAY_TASK_MIN to $SLURM_ARRAY_TASK_MAX by $SLURM_ARRAY_TASK_STEP"
