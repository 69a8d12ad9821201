#!/bin/bash
#SBATCH --job-name="quoted name" -c2 --comment='it is "quoted" # here'
#SBATCH --array "21-22" -t1:00 --mem-per-cpu=40
#SBATCH --export=ALL,EXTRA=value
#SBATCH --output="quoted %a.out"
echo "$SLURM_JOB_NAME: $SLURM_CPUS_PER_TASK cpus, $SLURM_MEM_PER_CPU each, ${SLURM_MEM_PER_NODE-not per node}, $EXTRA"
