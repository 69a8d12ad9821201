mkfifo p; (timeout 20 cat s.sh > p) & timeout 30 $SBATCH p; c=$?; rm p; exit $c
