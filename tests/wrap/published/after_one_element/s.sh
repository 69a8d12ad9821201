#!/bin/bash
#SBATCH --array=1-3 --mem=50M -t 5 -o el.%a
[ $SLURM_ARRAY_TASK_ID != 3 ]
