#!/usr/local/bin/nobash
#SBATCH -a 1-2 --mem=50M -t 5 -o /dev/null
echo x
