$SBATCH s.sh a 'b c'
