#!/bin/bash
#SBATCH --array=1,3,5-9:2%2   # odd ones, two at once
#SBATCH --mem-per-cpu=30M --ntasks 2 --nodes=1-1   # "a quote in a comment
#SBATCH -o odd.%a
env | grep -E '^SLURM_(ARRAY_TASK|MEM_PER|NTASKS|NPROCS|CPUS_PER)' | sort
srun -n 2 echo "of $SLURM_ARRAY_TASK_ID"
