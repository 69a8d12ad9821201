for i in 0 3; do
  $SBATCH -W s.sh $i; echo rc $? >> codes; done
