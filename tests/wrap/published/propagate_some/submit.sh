ulimit -n 600; ulimit -Ss 3000
$SBATCH s.sh
