#!/bin/bash -l
#SBATCH --job-name=modules
#SBATCH --array=21,22
#SBATCH --mem=60M
#SBATCH --mail-type=NONE
#SBATCH --mail-user=someone@example.org

module purge 2> /dev/null
module load plink/2.00 2> /dev/null || echo "no modules here" > "modules.${SLURM_ARRAY_TASK_ID}"

set -x
plink2 --version 2> /dev/null || echo "rc $?"
