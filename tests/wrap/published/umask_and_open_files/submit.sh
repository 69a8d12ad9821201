umask 077
$SBATCH s.sh
