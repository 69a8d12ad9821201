#!/bin/bash -l
#SBATCH -a 1-2 --mem=60M -t 5 -o conda.%a
source ~/miniconda3/etc/profile.d/conda.sh
eval "$(conda shell.bash hook)"
conda activate gwas
echo "env: ${CONDA_DEFAULT_ENV:-none}, status $?"
set -e
conda activate gwas
echo never
