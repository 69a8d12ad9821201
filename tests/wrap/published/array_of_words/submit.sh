$SBATCH --array={1..3} s.sh
