#!/bin/bash
#SBATCH --job-name=haplotype
#SBATCH --array=1-3
#SBATCH --cpus-per-task=2
#SBATCH --mem=120M
#SBATCH --time=00:05:00
#SBATCH --output=logs/hc.%a.log
# one interval a task; Java's heap follows what Slurm gives
set -euo pipefail
gatk() { echo "gatk $*"; }
intervals=intervals.list
interval=$(awk "NR==$SLURM_ARRAY_TASK_ID" "$intervals")
heap=$((SLURM_MEM_PER_NODE * 8 / 10))
gatk --java-options "-Xmx${heap}m" HaplotypeCaller -L "$interval" \
  --native-pair-hmm-threads "$SLURM_CPUS_PER_TASK" -O "gvcf.${interval//[:-]/_}.g.vcf.gz" |
  tee "calls.$SLURM_ARRAY_TASK_ID.txt"
