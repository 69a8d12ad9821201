for i in 1 2 3; do
  $SBATCH s.sh $i; done
