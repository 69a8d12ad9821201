#!/bin/bash
# chromplan 0.1.0, plan abc123: impute, round 1, 6 tasks
#SBATCH --job-name=impute.r001.abc123
#SBATCH --mem=2826M
#SBATCH --partition=main
#SBATCH --account=genomics
#SBATCH --nodes=1
#SBATCH --ntasks=2
#SBATCH --cpus-per-task=1
#SBATCH --time=06:00:00
#SBATCH --acctg-freq=task=5
#SBATCH --output=rounds/r001/logs/%x_%j.out
#SBATCH --open-mode=append
#SBATCH --requeue
set -euo pipefail

# 6 tasks share this allocation. Whenever one ends, 'chromplan drive' decides what starts next, and learns from it
# the installation that rendered this script if it is visible here, otherwise the one on this node's PATH
chromplan=('/opt/chrom plan/bin/python' -P -m planner)
first=${chromplan[0]}
if ! "${chromplan[@]}" --version >/dev/null 2>&1; then
  chromplan=("${CHROMPLAN:-chromplan}")
  if ! "${chromplan[@]}" --version >/dev/null 2>&1; then
    echo "error: no chromplan on $(hostname): neither $first nor on the PATH" >&2
    echo "hint: mode dynamic needs chromplan on the nodes: install it on a shared file system, or plan with mode packed" >&2
    exit 1
  fi
fi
exec "${chromplan[@]}" drive --round 1
