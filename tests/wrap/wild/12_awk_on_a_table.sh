#!/bin/bash
#SBATCH --job-name=awk_table
#SBATCH --array=1-3
#SBATCH --mem=60M
#SBATCH -o awk_%a.out
config=table.tsv
sample=$(awk -v ArrayTaskID=$SLURM_ARRAY_TASK_ID '$1==ArrayTaskID {print $2}' $config)
sex=$(awk -v ArrayTaskID=$SLURM_ARRAY_TASK_ID '$1==ArrayTaskID {print $3}' $config)
echo "This is array task ${SLURM_ARRAY_TASK_ID}, the sample name is ${sample} and the sex is ${sex}." >> awk_output.${SLURM_ARRAY_TASK_ID}
