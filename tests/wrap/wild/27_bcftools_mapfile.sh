#!/bin/bash
#SBATCH --array=0-3
#SBATCH --mem=60000K
#SBATCH -t 5
#SBATCH --open-mode=append
#SBATCH -o all_tasks.%a.log
mapfile -t regions < intervals.list
region="${regions[$SLURM_ARRAY_TASK_ID]:-}"
if [[ -z $region ]]; then
  echo "nothing to do"
  exit 0
fi
bcftools() { printf '%s\n' "$@" | paste -sd' '; }
bcftools view -r "$region" -Oz -o "${region%%:*}.$SLURM_ARRAY_TASK_ID.vcf.gz" in.vcf.gz >> "made.$SLURM_ARRAY_TASK_ID"
