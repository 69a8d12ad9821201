#!/usr/bin/zsh
#SBATCH -a 1-2 --mem=50M -t 5
#SBATCH -o zsh.%a
chroms=(chr1 chr2)
print -r -- $chroms[$SLURM_ARRAY_TASK_ID] ${#argv}
setopt errexit; false
