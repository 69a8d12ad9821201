#!/bin/bash
#SBATCH --array=1-4 --mem=50M -t 5 -o a.%a
echo "$(( SLURM_JOB_ID - SLURM_ARRAY_JOB_ID >= 0 )) $(( SLURM_JOBID == SLURM_JOB_ID ))"
