#!/bin/bash
#SBATCH -a 1-2 --mem=50M --time=1 -o /dev/null --signal=B:TERM@58
trap 'touch caught.$SLURM_ARRAY_TASK_ID; exit 0' TERM
sleep 100 & wait
