for PHENO in height bmi; do
  $SBATCH --export=ALL,PHENO=$PHENO --job-name=prs_$PHENO s.sh; done; export PHENO="type 2, diabetes"
$SBATCH -J prs_t2d s.sh
