for chr in 1 X; do
  $SBATCH -J p$chr --mem 50 -t 5 -o p$chr.out --wrap "echo plink2 --chr $chr --memory \$SLURM_MEM_PER_NODE"; done
