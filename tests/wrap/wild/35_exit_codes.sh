#!/bin/bash
#SBATCH --array=0-5 --mem=60M -t 5 -o /dev/null
case $SLURM_ARRAY_TASK_ID in
  0) exit 0 ;;
  1) exit 1 ;;
  2) exit 137 ;;
  3) kill -9 $$ ;;
  4) kill -TERM $$ ;;
  5) srun -n1 false ;;
esac
