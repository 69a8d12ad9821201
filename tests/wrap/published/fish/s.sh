#!/usr/bin/env fish
#SBATCH -a 1-2 --mem=50M -t 5
#SBATCH -o fish.%a
set -l chroms chr1 chr2
echo $chroms[$SLURM_ARRAY_TASK_ID] (count $argv)
exit 4
