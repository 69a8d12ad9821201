#!/bin/bash
#SBATCH --array=1-2 --mem=50M -t 5 -o pipe.%a
exec > >(tee "copy.$SLURM_ARRAY_TASK_ID") 2>&1
echo a; echo b >&2; sleep 1
