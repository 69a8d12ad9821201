cat > step2.sh <<'EOF'
#!/bin/bash
#SBATCH -J saige_step2
#SBATCH --array=20-22
#SBATCH --mem=60M
#SBATCH -t 5
#SBATCH -o /dev/null
set -e
cat "$1.rda"
echo "chr${SLURM_ARRAY_TASK_ID}" > "$1.chr${SLURM_ARRAY_TASK_ID}.assoc"
EOF
cat > step3.sh <<'EOF'
#!/bin/bash -e
#SBATCH --mem=50M -t 5 -o /dev/null --job-name=saige_merge
cat $1.chr*.assoc > $1.merged
EOF
for p in bmi height; do
j1=$($SBATCH s.sh $p) && j2=$($SBATCH --dependency=afterok:${j1} step2.sh $p) && j3=$($SBATCH -d afterok:$j2 --kill-on-invalid-dep=yes step3.sh $p) || exit 1
done; echo $j1
