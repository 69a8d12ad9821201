seq 100 > all.log
$SBATCH s.sh
