#!/bin/bash
#SBATCH --array=1-2 --mem=50M -t 5 -o none.%a
#SBATCH --export=ALL,LIST='1,2,3',B=x
echo "${LIST-unset}|${B-unset}"
