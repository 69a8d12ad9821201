#!/bin/bash
#SBATCH -a 1-2 --mem=50M -t 5 -o bin.%a
printf '\x1f\x8b\x00\xff\r\n'; head -c 100000 /dev/zero
