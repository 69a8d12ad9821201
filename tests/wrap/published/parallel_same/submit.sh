for i in 1 2; do $SBATCH s.sh > /dev/null & done
$SBATCH s.sh; wait
