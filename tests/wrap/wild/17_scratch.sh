#!/bin/bash
#SBATCH --job-name=scratch
#SBATCH --array=20-22
#SBATCH --mem=60M
#SBATCH --output=scratch_%a.out
SCRATCH=$(mktemp -d "${TMPDIR:-/tmp}/scratch.XXXXXX") || exit 1
trap 'rm -rf "$SCRATCH"' EXIT
cd "$SCRATCH" || exit 1
seq "$SLURM_ARRAY_TASK_ID" > numbers
gzip -n numbers
cp numbers.gz "$SLURM_SUBMIT_DIR/numbers.$SLURM_ARRAY_TASK_ID.gz"
cd "$SLURM_SUBMIT_DIR" && ls "numbers.$SLURM_ARRAY_TASK_ID.gz" && umask && ulimit -c
