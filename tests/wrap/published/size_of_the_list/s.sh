#!/bin/bash
#SBATCH --mem=50M -t 5 -o sheet.%a
readarray -t F < list.txt
echo "${F[$SLURM_ARRAY_TASK_ID]} of ${#F[@]}"
