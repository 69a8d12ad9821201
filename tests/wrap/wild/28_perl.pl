#!/usr/bin/perl
#SBATCH --array=1-2
#SBATCH --mem=60M --time=5
#SBATCH --output=perl.%a.out
use strict; use warnings;
my $i = $ENV{SLURM_ARRAY_TASK_ID};
print "perl $i of $ENV{SLURM_ARRAY_TASK_COUNT}: @ARGV\n";
exit($i == 2 ? 9 : 0);
