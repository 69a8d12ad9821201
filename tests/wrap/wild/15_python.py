#!/usr/bin/env python3
# SBATCH --job-name=python
# SBATCH --array=21-22
# SBATCH --mem=60M
# SBATCH --output=python_%a.out
"""A batch script need not be bash."""

import os
import sys

index = int(os.environ["SLURM_ARRAY_TASK_ID"])
print("chromosome", index, sys.argv[1:], sys.argv[0].rpartition("/")[2], sys.stdin.read() == "")
sys.exit(11 if index == 22 else 0)
