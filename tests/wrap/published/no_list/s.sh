#!/bin/bash
#SBATCH -a 1-2 --mem=50M -t 5 -o nl.%a
F=$(sed -n "${SLURM_ARRAY_TASK_ID}p" /nowhere/list.txt)
echo "<$F>"
