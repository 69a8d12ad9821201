"""An existing ``sbatch --array`` script becomes a planned project, its body untouched."""
