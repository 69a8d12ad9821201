#!/bin/bash
#SBATCH --ntasks 1
#SBATCH --time 5:0
#SBATCH --mem 60M
#SBATCH --array 1-2
#SBATCH -o %x_%a.log
PRSICE=./PRSice_linux
Rscript --version >/dev/null 2>&1
echo "Rscript PRSice.R --prsice $PRSICE --pheno ${PHENO:?} --chr-id c${SLURM_ARRAY_TASK_ID} --out $SLURM_JOB_NAME rc $?"
