#!/usr/bin/env -S bash -eu
#SBATCH --array=1-2 --mem=60M -t 5 -o envs.%a.out
set -o pipefail
echo "options: $-" | tr -d Bh
false || echo "went on"
(exit 4)
echo "never"
