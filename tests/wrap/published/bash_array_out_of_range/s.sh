#!/bin/bash -u
#SBATCH -a 0-3 --mem=50M -t 5 -o arr.%a
S=(a b c)
echo ${S[$SLURM_ARRAY_TASK_ID]}
