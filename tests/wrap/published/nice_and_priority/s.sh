#!/bin/bash
#SBATCH -a 1-2 --mem=50M -t 5 -o nice.%a --nice
scontrol show job ${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID | grep -oE 'Nice=[0-9]+'
