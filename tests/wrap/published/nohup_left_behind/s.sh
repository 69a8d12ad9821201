#!/bin/bash
#SBATCH --array=1-2 --mem=50M -t 5 -o nh.%a
nohup sleep 120 > /dev/null 2>&1 &
disown; echo left
