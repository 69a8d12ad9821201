#!/bin/bash
#SBATCH --mem=50M -t 5 -o par.out --open-mode=append
echo x
