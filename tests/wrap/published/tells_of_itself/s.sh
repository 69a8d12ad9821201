#!/bin/bash
#SBATCH --array=3,5 --mem=50M -t 5 -o t.%a -J selfie
sleep 2
me=${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}
squeue -h -j $me -o '%j %u %T %P %C %m %l %K'
scontrol show job $me | grep -oE "(ArrayTaskId|JobName|Requeue|Restarts|MinMemoryNode|TimeLimit|Partition|Command|StdOut|StdErr|StdIn|WorkDir|OverSubscribe|NumCPUs|Contiguous|Licenses|Dependency|QOS|Account|MailUser|Features|ReqNodeList)=\S*"
scontrol write batch_script $me - | md5sum
until sacct -n -X -P -j $me -o State | grep -q RUNNING; do sleep 1; done
sacct -n -X -P -j $me -o JobName,State,ReqMem,Timelimit,Partition
