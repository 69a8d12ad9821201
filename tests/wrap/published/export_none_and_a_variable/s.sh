#!/bin/bash
#SBATCH --array=1-2 --mem=50M -t 5 -o none.%a
echo "${COHORT-unset}|${V-unset}|${W-unset}"
