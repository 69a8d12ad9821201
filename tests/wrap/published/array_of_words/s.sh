#!/bin/bash
#SBATCH --mem=50M -t 5
true
