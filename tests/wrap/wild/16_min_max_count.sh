#!/bin/bash
#SBATCH --job-name=minmax
#SBATCH --array=2-20:6,22
#SBATCH --mem=60M
#SBATCH --output=minmax_%a.out
echo "$SLURM_ARRAY_TASK_ID in $SLURM_ARRAY_TASK_MIN..$SLURM_ARRAY_TASK_MAX by $SLURM_ARRAY_TASK_STEP, $SLURM_ARRAY_TASK_COUNT"
sample=$(( (SLURM_ARRAY_TASK_ID - 1) / 22 + 1 ))
chrom=$(( (SLURM_ARRAY_TASK_ID - 1) % 22 + 1 ))
printf -v padded '%02d' "$chrom"
echo "sample $sample" > "minmax.chr$padded"
if [ "$SLURM_ARRAY_TASK_ID" -eq "$SLURM_ARRAY_TASK_MAX" ]; then echo "I am the last" >> "minmax.chr$padded"; fi
