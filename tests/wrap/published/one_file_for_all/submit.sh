echo before > all.log
$SBATCH s.sh
