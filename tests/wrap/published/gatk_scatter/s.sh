#!/usr/bin/env bash
#SBATCH --job-name=gatk_scatter
#SBATCH --array=0-5%3
#SBATCH --ntasks=1 --cpus-per-task=2
#SBATCH --mem=80M
#SBATCH --time=00:10:00
#SBATCH --output=logs/slurm-%A_%a_%x.out
#SBATCH --error=logs/slurm-%A_%a_%x.err
set -euo pipefail
IFS=$'\n\t'
module load GATK/4.2 2>/dev/null || true
PAD=$(printf "%04d" "${SLURM_ARRAY_TASK_ID}")
INT="scattered/${PAD}-scattered.interval_list"
[[ -s $INT ]] || { echo "no ${INT}" >&2; exit 66; }
JAVA_MEM=$(( SLURM_MEM_PER_NODE - 20 ))
echo gatk --java-options "-Xmx${JAVA_MEM}m -XX:ParallelGCThreads=${SLURM_CPUS_PER_TASK}" GenotypeGVCFs -L "$INT" > "geno.${PAD}.vcf"
wc -l < "$INT" | tee -a "geno.${PAD}.vcf"
