#!/bin/bash
# chromplan 0.1.0, plan abc123: impute.a_b-4e2d9b0d, round 1, 22 tasks
# For reading only: what 'chromplan submit' does with impute.sh. chromplan also uses the script and the environment as they
# were at the first submission, gives Slurm the order, and checks that every element got its memory.
set -euo pipefail
cd '/data/it'"'"'s'

# shellcheck disable=SC2016  # words are data
id=$(sbatch --parsable --hold --mem=2048M --array=1-22%4 --time=02:00:00 --acctg-freq=task=1 '--comment=say "a" # b chromplan:r001:abc123:array' impute.sh 'a b' | grep -oE '^[0-9]+(;|$)')
id=${id%;} # 12, or 12;cluster
# give each element its own memory
scontrol >/dev/null <<END
update JobId=${id}_1 MinMemoryNode=2048
update JobId=${id}_2 MinMemoryNode=2048
update JobId=${id}_3 MinMemoryNode=2048
update JobId=${id}_4 MinMemoryNode=2048
update JobId=${id}_5 MinMemoryNode=2048
update JobId=${id}_6 MinMemoryNode=2048
update JobId=${id}_7 MinMemoryNode=2048
update JobId=${id}_8 MinMemoryNode=2048
update JobId=${id}_9 MinMemoryNode=2048
update JobId=${id}_10 MinMemoryNode=2048
update JobId=${id}_11 MinMemoryNode=2048
update JobId=${id}_12 MinMemoryNode=2048
update JobId=${id}_13 MinMemoryNode=2048
update JobId=${id}_14 MinMemoryNode=2048
update JobId=${id}_15 MinMemoryNode=2048
update JobId=${id}_16 MinMemoryNode=2048
update JobId=${id}_17 MinMemoryNode=2048
update JobId=${id}_18 MinMemoryNode=2048
update JobId=${id}_19 MinMemoryNode=2048
update JobId=${id}_20 MinMemoryNode=2048
update JobId=${id}_21 MinMemoryNode=2048
update JobId=${id}_22 MinMemoryNode=2048
END
scontrol release "$id"
