#!/bin/bash
#SBATCH --job-name=phase
#SBATCH --array=1-22
#SBATCH --mem=60M
#SBATCH --time=00:10:00

CHR=${SLURM_ARRAY_TASK_ID}
mkdir -p phased
echo "shapeit --chr ${CHR} --map chr${CHR}.b37.gmap.gz" > phased/chr${CHR}.txt
echo "done $CHR"
