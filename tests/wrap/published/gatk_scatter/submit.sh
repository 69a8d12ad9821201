mkdir -p logs scattered; for i in 0 1 2 4 5; do
  echo "chr$i:1-2" > scattered/000$i-scattered.interval_list; done
$SBATCH s.sh
