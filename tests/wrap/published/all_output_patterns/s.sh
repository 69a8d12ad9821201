#!/bin/bash
#SBATCH --array=7-8 --mem=50M -t 5 -J "na me"
#SBATCH --output=slurm-%A_%4a_%x_%u_%n_%t_%s_%%.out
#SBATCH --error=slurm-%3A_%a.err
echo out; echo err >&2
