#!/usr/bin/awk -f
#SBATCH --array=1-3 --mem=60M
#SBATCH -o awk.%a.out
BEGIN {
    i = ENVIRON["SLURM_ARRAY_TASK_ID"]
    print "chr" i > ("awk." i)
    print ARGC, ENVIRON["SLURM_ARRAY_TASK_COUNT"], ENVIRON["SLURM_JOB_NAME"]
    exit (i == 2) ? 3 : 0
}
