$SBATCH --export=NIL s.sh
