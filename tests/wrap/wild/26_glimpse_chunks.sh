#!/bin/bash
#SBATCH --array=1-4 --mem=60M -t 5 -o logs/glimpse.%a
# a chunk is a line; its columns are read by name
IFS=$'\t' read -r id chrom inner outer < <(sed -n "${SLURM_ARRAY_TASK_ID}p" chunks.tsv) || exit 3
echo "GLIMPSE2_phase --input-region $outer --output-region $inner --output chunk.$id.$chrom.bcf"
[ "$id" != 2 ] || exit 7
