#! /usr/bin/env bash
#SBATCH -a 1-2 --mem=50M -t 5 -o sp.%a
echo $BASH_VERSION | wc -l
