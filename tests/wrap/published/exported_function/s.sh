#!/bin/bash
#SBATCH -a 1-2 --mem=50M -t 5 -o fn.%a
run_chr "$SLURM_ARRAY_TASK_ID"
