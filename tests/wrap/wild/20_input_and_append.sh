#!/bin/bash
#SBATCH --job-name=input
#SBATCH --array=1-3
#SBATCH --mem=60M
#SBATCH --input=samples.txt
#SBATCH --output=append_%a.out
#SBATCH --open-mode=append
#SBATCH --chdir=sub
read -r first second
echo "$first and $second in $(basename "$PWD")"
env | grep -E '^SLURM_(ARRAY_TASK|JOB_NAME|CPUS_PER_TASK|NTASKS|NNODES|MEM)' | sort
