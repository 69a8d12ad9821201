mkdir ro; cp s.sh ro; chmod 555 ro; cd ro
$SBATCH s.sh; c=$?; chmod 755 .; exit $c
