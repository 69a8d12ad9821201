#!/bin/bash
#SBATCH -a 1-2 --mem=50M --time=0:30 -o t.%a
scontrol show job $SLURM_JOB_ID | grep -o 'TimeLimit=[0-9:]*'
