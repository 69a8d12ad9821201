#!/bin/bash
#SBATCH --mem=50M -t 5 -J chain -o chain.log --open-mode=append -d singleton
sleep 1; echo $1
