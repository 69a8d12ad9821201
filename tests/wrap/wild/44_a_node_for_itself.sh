#!/bin/bash
#SBATCH --exclusive
#SBATCH -a 1,2
#SBATCH --mem=60M
#SBATCH -o alone.%a
echo "$SLURM_JOB_CPUS_PER_NODE $SLURM_CPUS_ON_NODE $SLURM_JOB_NUM_NODES"
