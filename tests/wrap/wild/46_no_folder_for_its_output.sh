#!/bin/sh
#SBATCH -a 1-2 --mem=60M -o nowhere/%a.out
touch "ran.$SLURM_ARRAY_TASK_ID"
