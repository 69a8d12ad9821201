a=$($SBATCH -H s.sh) && scontrol release ${a}_1 ${a}_3 && sleep 3 && scancel ${a}_2; echo $a
