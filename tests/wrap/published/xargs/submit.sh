printf 'NA1\nNA2\n' | xargs -n1 $SBATCH s.sh
