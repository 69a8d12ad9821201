#!/usr/bin/env python3
#SBATCH --array=1-2 --cpus-per-task=2 --mem=200M --time=5
#SBATCH --output=pool.%a.out
import os
from multiprocessing import Pool


def square(number: int) -> int:
    return number * number


if __name__ == "__main__":
    with Pool(int(os.environ["SLURM_CPUS_PER_TASK"])) as pool:
        print(pool.map(square, range(4)), os.environ["SLURM_ARRAY_TASK_ID"], flush=True)
        # what 'with' does alone, terminate(), may wait for ever
        pool.close()
        pool.join()
