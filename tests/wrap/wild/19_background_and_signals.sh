#!/bin/bash
#SBATCH --job-name=background
#SBATCH --array=20-22
#SBATCH --mem=60M
#SBATCH --output=background_%a.out
for part in 1 2 3; do
  (sleep 0.1; echo "part $part" > "background.$SLURM_ARRAY_TASK_ID.$part") &
done
wait
echo "flags $-, traps: $(trap -p)"
set -o | grep -E 'errexit|pipefail|nounset'
false | true
echo "code $?"
if [ "$SLURM_ARRAY_TASK_ID" = 21 ]; then bash -c 'kill -9 $$'; exit $?; fi
if [ "$SLURM_ARRAY_TASK_ID" = 22 ]; then exec bash -c 'exit 77'; fi
