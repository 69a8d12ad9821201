a=$($SBATCH s.sh) &&
  $SBATCH -d "afternotok:$a?afterok:$a" -o c.out --mem=50 --wrap 'echo end';
