cat > l1.sh <<'EOF'
#!/bin/bash
#SBATCH --job-name=regenie_l1 --mem=60M --time=5 --output=slurm-%j.l1
cat l0/job_* > fit_pred.list
EOF
cat > step2.sh <<'EOF'
#!/bin/bash
#SBATCH --job-name=regenie_s2 --mem=60M --time=5 --array=1-3 --output=slurm-%A_%a.s2
test -s fit_pred.list || exit 9
echo "chr $SLURM_ARRAY_TASK_ID" > chr$SLURM_ARRAY_TASK_ID.regenie
EOF
a=$($SBATCH s.sh); b=$($SBATCH -d afterok:$a l1.sh); c=$($SBATCH -d afterok:$b:$a step2.sh); echo $a
