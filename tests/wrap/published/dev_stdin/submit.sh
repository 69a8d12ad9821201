$SBATCH /dev/stdin a b < s.sh
