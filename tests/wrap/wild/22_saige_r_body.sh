#!/bin/bash
#SBATCH -a 20-22 -c 1 --mem-per-cpu=90M -t 5
#SBATCH -J saige -o logs/%x-%A-chr%a.txt -e logs/%x-chr%a.err
# an R body in a heredoc, here read by cat
CHR=${SLURM_ARRAY_TASK_ID}
Rscript() { cat "$1" - | sed 's/^/R: /'; }
cat > "step2.$CHR.R" <<RSCRIPT
chrom <- ${CHR}
mem <- Sys.getenv("SLURM_MEM_PER_CPU")
RSCRIPT
echo "per cpu: $SLURM_MEM_PER_CPU node: ${SLURM_MEM_PER_NODE:-none}" >&2
Rscript "step2.$CHR.R" <<'END'
print("$CHR stays as it is")
END
