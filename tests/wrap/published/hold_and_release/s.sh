#!/bin/bash
#SBATCH -a 1-3 --mem=50M -t 5 -o hold.%a
echo ran
