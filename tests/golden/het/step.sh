#!/bin/bash
# chromplan 0.1.0, plan abc123: impute, round 1, 6 tasks
# Runs one task on its node and records its peak in the file $1.
set -euo pipefail
CHROMPLAN_TMP=$(mktemp -d "${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/chromplan.XXXXXX")
export CHROMPLAN_TMP
trap 'rm -rf "$CHROMPLAN_TMP"' EXIT
bash rounds/r001/measure.sh "$1" bash rounds/r001/command.sh
