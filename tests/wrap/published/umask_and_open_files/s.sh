#!/bin/bash
#SBATCH -a 1-2 --mem=50M -t 5 -o um.%a
stat -c '%a %n' s.sh um.$SLURM_ARRAY_TASK_ID; umask
