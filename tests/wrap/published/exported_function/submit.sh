run_chr() { echo "chromosome $1
{and} more"; return 5; }; export -f run_chr
$SBATCH s.sh
