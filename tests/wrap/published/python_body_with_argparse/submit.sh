$SBATCH s.sh --out=x --n 3 a 'b c'
