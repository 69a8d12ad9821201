printf 'NA1 a.bam\nNA2 b.bam\nNA3 c.bam\n' > list; while read -r name bam; do
  $SBATCH -J $name -o $name.out s.sh $name $bam; done < list
