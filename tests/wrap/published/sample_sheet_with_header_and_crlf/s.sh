#!/bin/bash
#SBATCH --array=2-4 --mem=50M -t 5 -o sheet.%a
IFS=, read -r id fq1 fq2 < <(awk -v l=$SLURM_ARRAY_TASK_ID 'NR==l' samples.csv)
printf '<%s>' "$id" "$fq1" "$fq2"
