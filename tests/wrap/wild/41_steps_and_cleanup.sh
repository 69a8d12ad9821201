#!/bin/bash
#SBATCH --array=1-2 --mem=100M -t 5 -n 2 -o steps.%a.out
work=$(mktemp -d)
trap 'rm -rf "$work"; echo "cleaned with $?"' EXIT
srun -n1 --exact --mem=40M -J first bash -c 'echo first' > "$work/1" &
srun -n1 --exact --mem=40M -J second bash -c 'echo second' > "$work/2" &
wait
cat "$work"/[12]
srun -n1 --exact --mem=40M -J third bash <<'STEP'
echo "third, step by heredoc"
exit 5
STEP
