#!/bin/bash
#SBATCH --mem=50M -t 5
#SBATCH -o slurm-%j.out -e slurm-%8j.err
echo out; echo err >&2
