#!/bin/sh
# everything is the cluster's default, and the command line's
echo "$SLURM_ARRAY_TASK_ID in $SLURM_JOB_PARTITION"
