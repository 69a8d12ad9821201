#!/bin/bash
#SBATCH --array=3,5 --mem=50M -t 5 -o t.%a -J selfie
sleep 2
me=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
squeue -h -j $me -o '%j %u %T %P %C %m %l %K'
squeue -h -n selfie -u $USER -o %K | grep -c "^$SLURM_ARRAY_TASK_ID$"
scontrol show job $me | grep -oE "(ArrayTaskId|JobName|Requeue|Restarts|MinMemoryNode|TimeLimit|Partition|Command|StdOut|StdErr|StdIn|WorkDir|OverSubscribe|NumCPUs|Contiguous|Licenses|Dependency|QOS|Account|MailUser|Features|ReqNodeList)=\S*"
sacct -n -X -P -j $me -o JobName,State,ReqMem,Timelimit,Partition
scontrol write batch_script $me - | md5sum
