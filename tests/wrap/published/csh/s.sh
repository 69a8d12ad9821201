#!/bin/csh -f
#SBATCH -a 1-2 --mem=50M -t 5
#SBATCH -o csh.%a
setenv CHR $SLURM_ARRAY_TASK_ID
if ( $CHR == 2 ) then
  echo "two: $#argv $argv:q"
  exit 3
endif
echo "chr $CHR"
