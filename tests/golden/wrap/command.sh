#!/bin/bash
# chromplan 0.1.0, plan abc123: impute.a_b-4e2d9b0d, round 1, 22 tasks
# The command of chromplan.toml; its placeholders are environment variables here.
set -euo pipefail
# the script finds what Slurm told it as it was submitted before, whatever its place in the plan
export SLURM_ARRAY_TASK_ID="${CHROMPLAN_INDEX}"
export SLURM_ARRAY_TASK_MIN=1 SLURM_ARRAY_TASK_MAX=22 SLURM_ARRAY_TASK_STEP=1 SLURM_ARRAY_TASK_COUNT=22
export SLURM_ARRAY_JOB_ID="${SLURM_ARRAY_JOB_ID:-${SLURM_JOB_ID:-0}}"
export SLURM_JOB_NAME=impute SLURM_SUBMIT_DIR='/data/it'"'"'s'
script=$PWD/scripts/508b230e2865/slurm_script
cd '/data/it'"'"'s'
output=logs/impute_"$SLURM_ARRAY_JOB_ID"_"$SLURM_ARRAY_TASK_ID".out
error=$output
ln -sf "$(realpath -ms "$error")" "$CHROMPLAN_TMP/stderr"
echo "$$" >"$CHROMPLAN_TMP/pid" # it stays the same through exec
exec >"$output"
if [ "$error" = "$output" ]; then exec 2>&1; else exec 2>"$error"; fi
# shellcheck disable=SC2016  # arguments are data
exec "$script" 'a b'
