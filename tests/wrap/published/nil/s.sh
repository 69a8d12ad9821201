#!/bin/bash
#SBATCH --array=1-2 --mem=50M -t 5 -o nil.%a
env | grep -cvE '^(SLURM|_|PWD|SHLVL|OLDPWD)'; true
