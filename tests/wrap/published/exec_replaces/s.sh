#!/bin/bash
#SBATCH -a 1-2 --mem=50M -t 5 -o ex.%a
exec python3 -c 'import sys; sys.exit(200)'
