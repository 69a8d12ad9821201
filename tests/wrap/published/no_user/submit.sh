env -u USER -u LOGNAME -u LANG $SBATCH s.sh
