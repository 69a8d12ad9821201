$SBATCH <(sed 's/@NAME@/chr9/' s.sh)
