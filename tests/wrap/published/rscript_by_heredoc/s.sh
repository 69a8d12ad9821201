#!/bin/bash
#SBATCH -a 1-2
#SBATCH --mem=60M
#SBATCH -o r_%a.out
export PATH="$PWD/bin:$PATH"
Rscript --vanilla - "$SLURM_ARRAY_TASK_ID" <<"RS"
args <- commandArgs(trailingOnly = TRUE)
i <- as.integer(Sys.getenv("SLURM_ARRAY_TASK_ID")); files <- list.files("in"); x <- files[i]
RS
echo "R ended with $?"
