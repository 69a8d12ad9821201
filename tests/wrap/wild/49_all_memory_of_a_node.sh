#!/bin/bash
#SBATCH -a 1-2 --mem=0 -t 3
#SBATCH -o whole.%a
sleep 1; echo "$SLURM_ARRAY_TASK_ID has it all"
