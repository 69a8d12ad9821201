"""chromplan: plan per-chromosome Slurm jobs from what earlier jobs really used."""

__version__ = "0.1.0"
