$SBATCH s.sh <&-
