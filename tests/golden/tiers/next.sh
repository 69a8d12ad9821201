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

# 'chromplan submit --then-next' submits this job to run after the round's jobs. It records what they used, then plans and
# submits what is left, with another job like this one after it. If nothing is left, it submits nothing.
# The variables that describe this job must not reach the next ones.
unset "${!SLURM_JOB@}" "${!SLURM_MEM@}" "${!SLURM_CPU@}" "${!SLURM_NTASKS@}" "${!SLURM_TASK@}"
# If Slurm does not answer (exit code 1), try again; nothing is submitted twice.
for pause_s in 10 60 300 0; do
  code=0
  "${CHROMPLAN:-chromplan}" next --submit --then-next --wait-s 300 || code=$?
  [ "$code" -eq 1 ] || break
  sleep "$pause_s"
done
exit "$code"
