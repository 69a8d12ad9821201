#!/usr/bin/env bash
#SBATCH --array=21-22
#SBATCH --job-name=regenie-step2
#SBATCH --dependency=singleton
#SBATCH --mem=80M --time=5
#SBATCH --output=/dev/null
set -eu
chr=${SLURM_ARRAY_TASK_ID}
printf 'regenie --step 2 --chr %s --threads %s\n' "$chr" "${SLURM_CPUS_PER_TASK:-1}" > "step2.chr$chr.log"
