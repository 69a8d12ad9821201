#!/bin/bash
#SBATCH --array=20-24 --mem=60 --job-name="case on index"
#SBATCH --output=%x.%a.out   # the name has blanks
case "$SLURM_ARRAY_TASK_ID" in
  20) panel=eur ;;
  21|22) panel=afr; rc=3 ;;
  23) panel=X_nonPAR; exit 42 ;;
  *) echo "unknown: $SLURM_ARRAY_TASK_ID" >&2; exit 1 ;;
esac
echo "$panel" > "case.$SLURM_ARRAY_TASK_ID"
exit "${rc:-0}"
