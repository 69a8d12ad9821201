#!/bin/bash
#SBATCH --array=2-6:2 --mem=60M --time=00:05:00 -n 1 -c 2 -J "told" -o told.%a.txt
#SBATCH --comment="ours" --mail-type=NONE --nice=3
# names of everything Slurm says, and the values that do not change from job to job
env | grep -oE '^SLURM[A-Z]*_[A-Z0-9_]+' | grep -v SLURM_ACCTG_FREQ | sort
env | grep -E '^SLURM_(ARRAY_TASK|JOB_NAME|JOB_NUM|CPUS|MEM|NTASKS|NPROCS|TASKS_PER|JOB_PARTITION|SUBMIT_DIR|EXPORT)' | sort
