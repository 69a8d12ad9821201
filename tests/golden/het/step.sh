#!/bin/bash
# chromplan 0.1.0, plan abc123: impute, round 1, 6 tasks
# One task on its node, measured; its peak record goes to the file that is named.
set -euo pipefail
CHROMPLAN_TMP=$(mktemp -d "${SLURM_TMPDIR:-${TMPDIR:-/tmp}}/chromplan.XXXXXX")
export CHROMPLAN_TMP
trap 'rm -rf "$CHROMPLAN_TMP"' EXIT
bash rounds/r001/measure.sh "$1" bash rounds/r001/command.sh
