#!/usr/bin/env -S python3 -u
#SBATCH --job-name=py --array=0-2
#SBATCH --mem=100M --time=5
#SBATCH -o py.%a.out -e py.%a.err
import argparse, os, sys, signal
p = argparse.ArgumentParser(); p.add_argument("--out"); p.add_argument("--n", type=int); p.add_argument("files", nargs="*")
a = p.parse_args()
chroms = [str(c) for c in range(1, 23)] + ["X"]
i = int(os.environ["SLURM_ARRAY_TASK_ID"])
print(chroms[i], a, os.path.basename(sys.argv[0]), os.environ.get("PYTHONUNBUFFERED"), sorted(k for k in os.environ if "PYTHON" in k))
print(signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGPIPE))
if i == 1: raise SystemExit("bad chromosome")
if i == 2: os.kill(os.getpid(), signal.SIGSEGV)
