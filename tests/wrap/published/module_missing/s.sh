#!/bin/bash
#SBATCH -a 1-2 --mem=60M -t 5
#SBATCH -o mod.%a
module purge
module load R/4.2.1 plink/1.9
echo "after: $?"
set -eo pipefail
module list |& cat
ml samtools
echo never
