#!/bin/bash
#SBATCH -a 1-2 --mem=50M -t 5 -o 'größe %a' -J größe
echo "$LC_ALL $SLURM_JOB_NAME"
