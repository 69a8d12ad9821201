#!/bin/bash
#SBATCH --array=1-2 --mem=50M -t 5 -o acc.%a -A nolab -q normal
echo $SLURM_JOB_ACCOUNT $SLURM_JOB_QOS
