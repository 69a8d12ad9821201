#!/bin/bash
#SBATCH --array=1-2 --mem=50M -t 5 -o found.%a.out
script=$(scontrol show job "$SLURM_JOB_ID" | awk -F= '/Command=/{print $2; exit}' | cut -d' ' -f1)
here=$(dirname "$script")
ls "$here/samples.txt" > /dev/null && echo "beside $(basename "$script"): $(head -n 1 "$here/samples.txt")"
scontrol show job "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" | grep -oE "(JobName|WorkDir|StdOut|StdErr|Requeue)=\S+" | sed "s/_*$SLURM_ARRAY_JOB_ID//"
