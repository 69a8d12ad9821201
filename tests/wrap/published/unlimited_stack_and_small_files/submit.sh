ulimit -S -s 4096; ulimit -f 100000; ulimit -u 3000;  $SBATCH s.sh
