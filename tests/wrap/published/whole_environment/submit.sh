umask 027; ulimit -n 777; ulimit -c 0; export A="x=y" B="two
lines" EMPTY=  Q="it's \"q\""; f() { echo "in f $1"; }; export -f f
$SBATCH s.sh
