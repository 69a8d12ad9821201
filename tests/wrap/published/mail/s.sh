#!/bin/bash
#SBATCH --array=1-2 --mem=50M -t 5 -o acc.%a --mail-type=BEGIN,END,FAIL,ARRAY_TASKS --mail-user=x@example.org
env | grep -i mail; true
