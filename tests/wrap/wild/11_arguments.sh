#!/bin/bash
#SBATCH --job-name=arguments
#SBATCH --array=21-22
#SBATCH --mem=60M
#SBATCH -o arguments_%a.out
echo "$# arguments"
for argument in "$@"; do printf '<%s>\n' "$argument"; done
while getopts "i:o:v" opt; do echo "$opt ${OPTARG-}"; done
shift $((OPTIND - 1))
echo "left: $*; name: $(basename "$0")"
