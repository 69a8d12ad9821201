printf 'x y\nz\n\n' > list.txt
$SBATCH --array=0-$(($(wc -l < list.txt) - 1)) s.sh
