#!/bin/bash
#SBATCH -a 5-6 --mem=60M -o exported.%a
#SBATCH --export=ALL,COHORT=A,WORDS="b c"
echo "$COHORT|$WORDS|${OTHER:-none}|${SLURM_EXPORT_ENV:-}"
srun -n1 env | grep -E '^(COHORT|WORDS|OTHER)=' | sort
