#!/bin/bash
#SBATCH --array=1-3%1 --mem=50M -t 5
#SBATCH -o all.log -e all.log --open-mode=truncate
echo "x"
