for i in 1 2 3; do
  $SBATCH s.sh > /dev/null & done; wait
