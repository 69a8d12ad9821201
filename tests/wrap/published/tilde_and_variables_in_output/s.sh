#!/bin/bash
#SBATCH -a 1-2 --mem=50M -t 5
#SBATCH -o $SLURM_JOB_NAME.%a
echo hello
