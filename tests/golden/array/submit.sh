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

id=$(sbatch --parsable --export=ALL --comment=chromplan:r001:abc123:array.sh --hold rounds/r001/array.sh | grep -oE '^[0-9]+(;|$)')
id=${id%;} # 12, or 12;cluster

# give each element its own memory and place in the queue, in the order in which they should start
lines="update JobId=${id}_1 MinMemoryNode=1361 Nice=0
update JobId=${id}_4 MinMemoryNode=1361 Nice=1
update JobId=${id}_3 MinMemoryNode=1127 Nice=2
update JobId=${id}_6 MinMemoryNode=1127 Nice=3
update JobId=${id}_2 MinMemoryNode=1063 Nice=4
update JobId=${id}_5 MinMemoryNode=1063 Nice=5"
if [[ ! $(scontrol show config) =~ PriorityType\ *=\ priority/multifactor ]]; then
  lines=$(printf '%s\n' "$lines" | sed 's/ Nice=.*//') # without multifactor priority, setting Nice would release elements before their turn
fi
memory=$(printf '%s\n' "$lines" | sed 's/ Nice=.*//')
# if that is refused, change only the memory; the check below shows what was not accepted
scontrol <<<"$lines" >/dev/null || scontrol <<<"$memory" >/dev/null || true
arrays=$id
given=$(squeue --array --noheader --noconvert --jobs="$arrays" --format='update JobId=%F_%K MinMemoryNode=%m' | sed -n 's/^\(update .*\)M$/\1/p' | sort)
if [ "$given" != "$(sort <<<"$memory")" ]; then
  scancel "$id"
  echo "the cluster refused to change the elements' memory: the array was cancelled, and tiers are submitted instead" >&2
  rm "$manifest"
  exec bash rounds/r001/submit-tiers.sh
fi
sed 's/^update JobId=//; s/ .*//' <<<"$lines" | xargs -n 1000 | tr ' ' , | xargs -n 1 scontrol release ||
  echo "some elements are still held (squeue: JobHeldUser): release them with scontrol, or cancel them with scancel" >&2
cat >>"$manifest" <<END
NA1.chr20	${id}_1	0	1361	1	array.sh	job
a_b-c8687a08.chr20	${id}_4	1	1361	1	array.sh	job
NA1.chr22	${id}_3	2	1127	1	array.sh	job
a_b-c8687a08.chr22	${id}_6	3	1127	1	array.sh	job
NA1.chr21	${id}_2	4	1063	1	array.sh	job
a_b-c8687a08.chr21	${id}_5	5	1063	1	array.sh	job
END
mv "$manifest" rounds/r001/manifest.tsv
