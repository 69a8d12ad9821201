#!/bin/bash
#SBATCH --array=1-2 --mem=50M -t 5
DIR="$( cd "$( dirname "${BASH_SOURCE[0]}" )" && pwd )"
echo "${DIR}" | grep -c spool
source ./config.sh
echo "$REF $(basename $0)" > ../run.$SLURM_ARRAY_TASK_ID
pwd
