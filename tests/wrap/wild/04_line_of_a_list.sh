#!/bin/bash
#SBATCH --job-name=04list
#SBATCH --array=1-4%2
#SBATCH --mem=60M
#SBATCH -o /dev/null -e list_%A_%a.err
LINE=$(sed -n "${SLURM_ARRAY_TASK_ID}p" samples.txt)
set -- $LINE
SAMPLE=$1
BAM=$2
echo "calling ${SAMPLE} from ${BAM}" >&2
printf '%s\t%s\n' "$SAMPLE" "$BAM" > "${SAMPLE}.called"
