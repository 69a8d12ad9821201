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
declare -A ids=() # script -> job id

id=$(sbatch --parsable --export=ALL --comment=chromplan:r001:abc123:tier-3.sh rounds/r001/tier-3.sh | grep -oE '^[0-9]+(;|$)')
id=${id%;} # 12, or 12;cluster
ids[tier-3.sh]=$id
cat >>"$manifest" <<END
NA1.chr20	${id}_1	0	1361	1	tier-3.sh	job
a_b-c8687a08.chr20	${id}_4	1	1361	1	tier-3.sh	job
END

id=$(sbatch --parsable --export=ALL --comment=chromplan:r001:abc123:tier-2.sh rounds/r001/tier-2.sh | grep -oE '^[0-9]+(;|$)')
id=${id%;} # 12, or 12;cluster
ids[tier-2.sh]=$id
cat >>"$manifest" <<END
NA1.chr22	${id}_3	2	1127	1	tier-2.sh	job
a_b-c8687a08.chr22	${id}_6	3	1127	1	tier-2.sh	job
END

id=$(sbatch --parsable --export=ALL --comment=chromplan:r001:abc123:tier-1.sh "--dependency=afterany:${ids[tier-3.sh]}" rounds/r001/tier-1.sh | grep -oE '^[0-9]+(;|$)')
id=${id%;} # 12, or 12;cluster
ids[tier-1.sh]=$id
cat >>"$manifest" <<END
NA1.chr21	${id}_2	4	1063	1	tier-1.sh	job
a_b-c8687a08.chr21	${id}_5	5	1063	1	tier-1.sh	job
END
mv "$manifest" rounds/r001/manifest.tsv
