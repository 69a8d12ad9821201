mv s.sh größe.sh; LC_ALL=C $SBATCH größe.sh ü; LC_ALL=POSIX $SBATCH -o 'zwei.%a' größe.sh
