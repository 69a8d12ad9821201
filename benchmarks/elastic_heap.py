"""Real Beagle under G1, round after round: whether requests come down, and what dies.

    python -m benchmarks.elastic_heap DIR [--chromosomes 3-22]

Every round is another batch of people on the same chromosomes, run on this machine. The first asks for as much as
somebody who knows nothing does, and G1 fills it as far as it likes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SIMULATE = Path(__file__).parents[1] / "examples" / "beagle22" / "simulate.py"
BATCHES = 3
PROJECT = """
[pipeline]
name = "g1"
tool = "beagle-g1"
chromosomes = "{chromosomes}"
samples = "samples.tsv"
time = "00:30:00"
command = '''
mkdir -p output
JDK_JAVA_OPTIONS="-XX:+UseG1GC -Xms8m -Xmx{{java_heap_mb}}m -XX:TieredStopAtLevel=1" \\
beagle ref=input/ref.chr{{chromosome}}.vcf.gz gt=input/batch1.chr{{chromosome}}.vcf.gz \\
       out=output/{{sample}}.chr{{chromosome}} nthreads=1 seed={{seed}}
'''
[features]
length_mb = "length"
[memory]
formula = "{first_mb} + 0 * length_mb"  # whatever the chromosome: no pilot
[submit]
site = "local"
"""


def main() -> None:
    """Run the rounds, and print a line of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--chromosomes", default="3-22")
    parser.add_argument("--first-mb", type=int, default=600)
    given = parser.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    if not (given.folder / "input").exists():
        subprocess.run([sys.executable, SIMULATE, "--out", "input", "--quiet"], cwd=given.folder, check=True)
    project = PROJECT.format(chromosomes=given.chromosomes, first_mb=given.first_mb)
    (given.folder / "chromplan.toml").write_text(project)
    print("round  tasks  asked MB  held MB  killed  failed")
    for number in range(1, BATCHES + 1):
        (given.folder / "samples.tsv").write_text(f"sample\tseed\nbatch{number}\t{number}\n")
        _chromplan(given.folder, "plan")
        _chromplan(given.folder, "render")
        _chromplan(given.folder, "run", "--local", "--cores", "2")
        _chromplan(given.folder, "ingest")
        rows = [
            row
            for row in json.loads(_chromplan(given.folder, "history", "show", "--json"))
            if row["sample"] == f"batch{number}"
        ]
        _report(number, rows)


def _report(number: int, rows: list[dict[str, Any]]) -> None:
    asked = {row["task"]: row["limit_mb"] for row in rows}
    held = sum(row["peak_mb"] or 0 for row in rows if row["outcome"] == "completed")
    killed = sum(row["outcome"] == "oom" for row in rows)
    failed = sum(row["outcome"] not in ("oom", "completed") for row in rows)
    print(f"{number:5}  {len(asked):5}  {sum(asked.values()):8}  {held:7.0f}  {killed:6}  {failed:6}", flush=True)


def _chromplan(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "planner", *words], cwd=folder, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        sys.exit(f"chromplan {' '.join(words)}: {done.stderr}")
    return done.stdout


if __name__ == "__main__":
    main()
