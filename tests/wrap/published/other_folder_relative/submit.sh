mkdir -p proj/work proj/code; cp s.sh proj/code/run.sh; echo REF=hg38 > proj/work/config.sh; cd proj/work &&
  $SBATCH ../code/run.sh
