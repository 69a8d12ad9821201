#!/bin/bash
# chromplan 0.1.0, plan abc123: impute, round 1, 6 tasks
# What 'chromplan submit' does, to read, or to run where chromplan is not installed.
set -euo pipefail
# Slurm's commands read options from these variables and prefer them to a script's: unset all but those that say how to
# reach the cluster
for name in ${!SBATCH_@} ${!SQUEUE_@} ${!SCANCEL_@} ${!SCONTROL_@} ${!SRUN_@} ${!SLURM_@} ${!SLURMD_@}; do
  case $name in
    SLURM_CONF | SLURM_CONF_SERVER | SLURM_JWT | SLURM_SACK_JWKS | SLURM_SACK_KEY | SLURM_SACK_SOCKET) ;;
    *) unset "$name" ;;
  esac
done
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if command -v flock >/dev/null; then # another submit.sh, or chromplan, may be running here
  mkdir -p .chromplan
  exec 9>>.chromplan/lock
  flock -n 9 || [ $? -ne 1 ] || { echo "another chromplan is at work here" >&2; exit 1; }
fi
if [ -e rounds/r001/manifest.tsv ] || [ -e rounds/r001/submission.json ]; then
  echo "rounds/r001 was submitted already: see rounds/r001/manifest.tsv" >&2
  exit 1
fi
if [ -e rounds/r001/manifest.tsv.new ]; then
  echo "rounds/r001: an earlier submit.sh was interrupted; 'chromplan submit' continues it" >&2
  exit 1
fi
manifest=rounds/r001/manifest.tsv.new
printf 'task\tjob_id\tindex\trequest_mb\tcpus\tscript\truns_as\n' >"$manifest"

id=$(sbatch --parsable --export=ALL --comment=chromplan:r001:abc123:batch-1.sh rounds/r001/batch-1.sh | grep -oE '^[0-9]+(;|$)')
id=${id%;} # 12, or 12;cluster
cat >>"$manifest" <<END
NA1.chr20	${id}	0	1361	1	batch-1.sh	step
a_b-c8687a08.chr20	${id}	1	1361	1	batch-1.sh	step
NA1.chr22	${id}	2	1127	1	batch-1.sh	step
a_b-c8687a08.chr22	${id}	3	1127	1	batch-1.sh	step
NA1.chr21	${id}	4	1063	1	batch-1.sh	step
a_b-c8687a08.chr21	${id}	5	1063	1	batch-1.sh	step
END
mv "$manifest" rounds/r001/manifest.tsv
