a=$($SBATCH s.sh) && b=$($SBATCH -d afternotok:$a -o b.out --mem=50 --wrap 'echo repair') &&
  $SBATCH -d afterany:$a:$b,after:$b -o c.out --mem=50 --wrap 'echo end';
