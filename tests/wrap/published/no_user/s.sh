#!/bin/bash
#SBATCH -a 1-2 --mem=50M -t 5 -o home.%a.%u
echo "${USER-unset}"
