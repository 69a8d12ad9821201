#!/bin/bash
#SBATCH -a 1-2 --mem=50M -t 5 -o /dev/null
exit $(( $1 * (SLURM_ARRAY_TASK_ID - 1) ))
