#!/bin/bash
#SBATCH --array=0-2
#SBATCH --mem=64MB
#SBATCH --time=0-0:5
#SBATCH -o prs_%a.out
usage() { echo "usage: $(basename "$0") -b base -t target" >&2; exit 64; }
while getopts ":b:t:" option; do
  case $option in
    b) base=$OPTARG ;;
    t) target=$OPTARG ;;
    *) usage ;;
  esac
done
shift $((OPTIND - 1))
thresholds=(5e-8 1e-5 0.05)
p=${thresholds[$SLURM_ARRAY_TASK_ID]}
echo "PRSice --base ${base:?} --target ${target:?} --bar-levels $p rest: $# $*"
