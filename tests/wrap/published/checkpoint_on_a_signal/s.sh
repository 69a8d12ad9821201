#!/bin/bash
#SBATCH --array=1-2
#SBATCH --mem=60M
#SBATCH --time=1
#SBATCH --signal=B:USR1@55
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH -o /dev/null
ck=ck.$SLURM_ARRAY_TASK_ID
requeue() { echo "caught ${SLURM_RESTART_COUNT:-0}" >> "caught.$SLURM_ARRAY_TASK_ID"; touch "$ck"; scontrol requeue ${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}; }
trap requeue USR1
if [ -e "$ck" ]; then echo "resumed"; rm "$ck"; touch "finished.$SLURM_ARRAY_TASK_ID"; exit 0; fi
sleep 300 & wait $!
wait
