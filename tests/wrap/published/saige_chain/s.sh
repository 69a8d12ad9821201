#!/bin/bash
#SBATCH -J saige_step1
#SBATCH --mem=60M -t 5 -c 2
#SBATCH -o /dev/null
set -e
echo "step1_fitNULLGLMM.R --phenoCol=$1 --nThreads=${SLURM_CPUS_PER_TASK}" > "$1.rda"
