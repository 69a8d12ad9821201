#!/bin/bash
#SBATCH --array=1-2 --mem=200M -t 5 -n 4 -o bg.%a
for chr in 1 2 3 4; do srun --exclusive -N1 -n1 -c1 --mem=40M sh -c "echo chr$chr > $PWD/bg.$SLURM_ARRAY_TASK_ID.chr$chr" & done; wait
printf '%s\n' 5 6 | xargs -P 2 -I{} touch bg.$SLURM_ARRAY_TASK_ID.chr{}
