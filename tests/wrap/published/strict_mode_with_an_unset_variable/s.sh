#!/bin/bash
#SBATCH --array=1-22%4 --mem=20M -t 5
#SBATCH -o strict.%a
set -Eeuo pipefail
trap 'echo "line $LINENO: $BASH_COMMAND failed with $?"' ERR
(( SLURM_ARRAY_TASK_ID % 7 )) || false
[ "$SLURM_ARRAY_TASK_ID" -ne 3 ] || echo "$UNSET"
echo ok
