a=$($SBATCH s.sh) &&
  $SBATCH -d afterok:${a}_2 -o c.out --mem=50 --wrap 'echo end'
$SBATCH -d afternotok:${a}_3 -o d.out --mem=50 --wrap 'echo end';
