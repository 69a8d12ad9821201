"""Measure what threads do to Beagle: the same inputs with 1, 2, 4 and 8 of them, for chromosomes of different lengths.

    python examples/beagle_formula/measure_threads.py --out FOLDER

FOLDER/runs.csv gets a row after every run, and runs that stand there are not repeated. Peak and CPU time are those of
GNU time. More threads than the machine has cores use the memory that they use anywhere, since each has its own share of
the window; how long they would take where they have cores of their own is not measured.
"""

from __future__ import annotations

import argparse
import csv
import re
import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[1]
sys.path.append(str(EXAMPLES))
from gnu_time import measured  # noqa: E402

JAR = Path("/usr/share/beagle/beagle.jar")
CHROMOSOMES = ("3", "8", "13", "17", "21")
THREADS = (1, 2, 4, 8)
SCALE, PANEL = 12, 150


def run(folder: Path, chromosome: str, threads: int) -> dict[str, object]:
    """Impute one chromosome and return the row of this run."""
    argv = [
        *("java", "-XX:+UseSerialGC", "-Xms8m", "-Xmx4096m", "-jar", str(JAR), f"ref=ref.chr{chromosome}.vcf.gz"),
        *(f"gt=batch1.chr{chromosome}.vcf.gz", "out=out", f"nthreads={threads}", "seed=1"),
    ]
    used, done = measured(argv, folder)
    counts = [int(one.replace(",", "")) for one in re.findall(r"markers: +([\d,]+)", done.stdout)[-2:]]
    return {
        "chromosome": chromosome,
        "n_threads": threads,
        **dict(zip(("n_ref_variants", "n_variants"), counts, strict=True)),
        **used,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    folder: Path = parser.parse_args().out
    table = folder / "runs.csv"
    if not table.exists():
        argv = [
            EXAMPLES / "beagle22" / "simulate.py",
            "--out",
            folder,
            "--scale",
            SCALE,
            "--panel",
            PANEL,
            "--batches",
            1,
        ]
        subprocess.run([sys.executable, *map(str, argv), "--chromosomes", ",".join(CHROMOSOMES), "--quiet"], check=True)
    done = {(row["chromosome"], row["n_threads"]) for row in csv.DictReader(table.open())} if table.exists() else set()
    for chromosome in CHROMOSOMES:
        for threads in THREADS:
            if (chromosome, str(threads)) not in done:
                row = run(folder, chromosome, threads)
                with table.open("a", newline="") as stream:
                    writer = csv.DictWriter(stream, list(row), lineterminator="\n")
                    if not stream.tell():
                        writer.writeheader()
                    writer.writerow(row)


if __name__ == "__main__":
    main()
