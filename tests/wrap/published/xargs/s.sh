#!/bin/bash
#SBATCH --mem=50M -t 5 -o x.out --open-mode=append
echo "$1" > "sample.$1"
