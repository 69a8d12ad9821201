for chr in 1 2; do
$SBATCH <<EOT
#!/bin/bash
#SBATCH --job-name=chr${chr}
#SBATCH --mem=50M
#SBATCH --time=00:05:00
#SBATCH --output=chr${chr}.log
echo "\$SLURM_JOB_NAME ${chr} \$(hostname | wc -l) \$0" | sed 's|/.*/||'
EOT
done
