#!/bin/bash
#SBATCH --array=1-2 --mem=60M -t 5 -o heredoc.%a.out
echo "$SLURM_JOB_NAME has no file: $(scontrol show job "$SLURM_JOB_ID" | grep -m1 -o "Command=.*")"
