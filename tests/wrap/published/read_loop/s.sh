#!/bin/bash
#SBATCH --mem=50M -t 5
echo "$1 $2" > "sample.$1"
cat
