"""Existing ``sbatch --array`` scripts as planned projects, their text unchanged."""
