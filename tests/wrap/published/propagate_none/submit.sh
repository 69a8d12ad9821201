ulimit -n 600
$SBATCH s.sh
