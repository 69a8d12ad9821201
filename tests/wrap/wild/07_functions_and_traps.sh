#!/bin/bash
#SBATCH --job-name=functions
#SBATCH --array=19-22
#SBATCH --mem=60M
#SBATCH --output=functions_%a.log
set -euo pipefail

log() { printf '[%s] %s\n' "chr$SLURM_ARRAY_TASK_ID" "$*"; }
die() { log "error: $*" >&2; exit 9; }
finish() { log "cleaning up, code $?"; rm -f "functions.tmp.$SLURM_ARRAY_TASK_ID"; }
trap finish EXIT
run_chromosome() {
  local chrom=$1
  touch "functions.tmp.$chrom"
  [[ $chrom != 21 ]] || die "chromosome $chrom has no data"
  log "ran"
}
run_chromosome "$SLURM_ARRAY_TASK_ID"
grep -q nothing /etc/hostname | cat
log "not reached"
