#!/bin/bash
#SBATCH --array=1-2 --mem=60M -t 5 --export=COHORT,N=5 -o none.%a.txt
echo "cohort ${COHORT:-unset} n ${N:-unset} other ${OTHER:-unset} home ${HOME:+set}"
srun --export=ALL bash -c 'echo "step: $COHORT $N"'
