#!/bin/bash
#SBATCH --propagate=NOFILE,CORE --array=1-2 --mem=50M -t 5 -o li.%a
ulimit -n; ulimit -s
