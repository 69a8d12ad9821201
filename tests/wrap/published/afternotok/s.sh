#!/bin/bash
#SBATCH --array=1-2 --mem=50M -t 5 -o nok.%a
exit 1
