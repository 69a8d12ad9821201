#!/bin/bash
#SBATCH --job-name=steps
#SBATCH --array=21-22
#SBATCH --ntasks=2
#SBATCH --mem=120M
#SBATCH --output=steps_%a.out
srun --ntasks=1 bash -c 'echo "step one of $SLURM_ARRAY_TASK_ID"'
srun -n 2 bash -c 'echo "rank $SLURM_PROCID of $SLURM_NTASKS"' | sort
srun -n1 bash -c 'exit 6'
echo "step ended with $?"
