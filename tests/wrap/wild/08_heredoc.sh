#!/bin/bash
#SBATCH --job-name=heredoc
#SBATCH --array=20-22
#SBATCH --mem=60M
#SBATCH --output=heredoc_%a.out
python3 - "$SLURM_ARRAY_TASK_ID" <<EOF
import sys
print("chromosome", sys.argv[1], "of {sample} and {{chromosome}}", "$((SLURM_ARRAY_TASK_ID * 2))")
EOF
cat <<'EOF' > "heredoc.$SLURM_ARRAY_TASK_ID"
#SBATCH --this-is-text
literal $SLURM_ARRAY_TASK_ID
EOF
cat <<-EOF
	tabs are removed $(basename "$PWD" | wc -c | awk '{ print ($1 > 0) }')
	EOF
