"""Planning existing ``sbatch`` scripts without a change to their text."""
