#!/bin/bash
#SBATCH --array=1-6%1 --mem=50M -t 5 -o t.%a
[ "$SLURM_ARRAY_TASK_ID" != 1 ] || scontrol update JobId=$SLURM_ARRAY_JOB_ID ArrayTaskThrottle=5
scontrol show job ${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID} | grep -o 'ArrayTaskThrottle=[0-9]*'
sleep 1
