#!/usr/bin/env bash
#SBATCH -J bash_array
#SBATCH -a 0-3
#SBATCH --mem 60
#SBATCH -o logs/bash_array-%a.log
chroms=(19 20 22 X)
chrom=${chroms[$SLURM_ARRAY_TASK_ID]}
last=${chroms[${#chroms[@]}-1]}
echo "chr${chrom} of ${#chroms[@]}, last is ${last}" | tee "bash_array.chr${chrom}"
