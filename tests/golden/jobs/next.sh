#!/bin/bash
# chromplan 0.1.0, plan abc123: impute, round 1, 6 tasks
#SBATCH --job-name=impute.r001.abc123.next
#SBATCH --mem=1024M
#SBATCH --partition=main
#SBATCH --account=genomics
#SBATCH --cpus-per-task=1
#SBATCH --time=00:30:00
#SBATCH --acctg-freq=task=5
#SBATCH --output=rounds/r001/logs/%x_%j.out
#SBATCH --open-mode=append
#SBATCH --no-requeue
set -euo pipefail

# 'chromplan submit --then-next' submits this behind the round's jobs: once they have ended, record what they used, plan what
# is left and submit it, with a job like this one behind it; when nothing is left, nothing is submitted.
# What Slurm told this job of itself does not concern the next ones.
unset "${!SLURM_JOB@}" "${!SLURM_MEM@}" "${!SLURM_CPU@}" "${!SLURM_NTASKS@}" "${!SLURM_TASK@}"
# Nobody is there to try again when Slurm does not answer (exit code 1): what was submitted is not submitted twice.
for pause_s in 10 60 300 0; do
  code=0
  "${CHROMPLAN:-chromplan}" next --submit --then-next --wait-s 300 || code=$?
  [ "$code" -eq 1 ] || break
  sleep "$pause_s"
done
exit "$code"
