#!/bin/bash
#SBATCH --job-name=conda
#SBATCH --array=21-22
#SBATCH --mem=60M
#SBATCH --output=conda_%a.out

export PS1=
CONDA_BASE=$(conda info --base 2>/dev/null || echo /nowhere)
if [ -f "$CONDA_BASE/etc/profile.d/conda.sh" ]; then
  . "$CONDA_BASE/etc/profile.d/conda.sh"
  conda activate impute
fi
export OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-7}
echo "threads $OMP_NUM_THREADS, mem ${SLURM_MEM_PER_NODE}, per cpu ${SLURM_MEM_PER_CPU:-none}"
