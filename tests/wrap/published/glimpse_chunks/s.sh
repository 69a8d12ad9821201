#!/bin/bash
#SBATCH --array=20-22
#SBATCH --mem=60M
#SBATCH --time=5
#SBATCH --output=glimpse.chr%a.log
CHR=$SLURM_ARRAY_TASK_ID
mkdir -p GLIMPSE_impute
while IFS="" read -r LINE || [ -n "$LINE" ]; do
  printf -v ID "%02d" $(echo $LINE | cut -d" " -f1)
  IRG=$(echo $LINE | cut -d" " -f3)
  echo "GLIMPSE_phase --input-region ${IRG} --output GLIMPSE_impute/chr${CHR}.${ID}.bcf" > GLIMPSE_impute/chr${CHR}.${ID}.bcf
done < chunks/chunks.chr${CHR}.txt
ls -1v GLIMPSE_impute/chr${CHR}.*.bcf > list.chr${CHR}.txt
