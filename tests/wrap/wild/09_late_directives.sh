#!/bin/bash

# Imputation, chromosome by chromosome
#        by someone

#SBATCH --job-name=late
   # indented comment
##SBATCH --mem=999G
# SBATCH --mem=998G
#SBATCH	--array=20-22	--mem=60M

#SBATCH -o late_%a.out # after a blank line
echo start
#SBATCH --array=1-99
#SBATCH --mem=997G
echo "$SLURM_ARRAY_TASK_COUNT tasks"
