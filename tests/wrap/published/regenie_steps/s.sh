#!/bin/bash
#SBATCH --job-name=regenie_l0
#SBATCH --array=1-4
#SBATCH --mem-per-cpu=30M
#SBATCH -c 2
#SBATCH --time=0-00:10
job=$SLURM_ARRAY_TASK_ID
mkdir -p l0
echo "regenie --step 1 --run-l0 fit_bin_parallel.master,${job} --threads $SLURM_CPUS_PER_TASK" > l0/job_${job}
