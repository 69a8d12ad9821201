COHORT=A W=2 $SBATCH --export=NONE,V='a b',W s.sh
