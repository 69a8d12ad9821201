mkdir chunks; for c in 20 21 22; do
  printf '0\tchr%s\tchr%s:1-5\n1\tchr%s\tchr%s:6-9' $c $c $c $c > chunks/chunks.chr$c.txt; done
$SBATCH s.sh
