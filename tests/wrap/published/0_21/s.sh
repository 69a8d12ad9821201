#!/bin/bash
#SBATCH --array=0-21
#SBATCH --mem=20M
#SBATCH -t 5
#SBATCH -o zero.%a
chr=$((SLURM_ARRAY_TASK_ID+1))
echo "chr${chr}.vcf.gz"
