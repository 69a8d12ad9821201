"""Planning, rendering and submitting tens of thousands of tasks: ``python -m benchmarks.many_tasks [SAMPLES …]``.

22 chromosomes of each sample (1000 and 4546 unless given: 22 000 and 100 012 tasks), each with its own memory. CPU
seconds and peak memory of ``chromplan plan`` and ``render`` as processes. With ``--submit`` the first of the numbers is
also submitted on private clusters, whose one node is too small for any of the tasks to start at once: as a whole, with
Slurm's MaxArraySize and MaxJobCount raised; and with MaxJobCount = 20 000, in rounds that follow each other, the tasks
of each cancelled before the next. What each element asks for is read from the queue and compared with the plan, and
Slurm's job records are counted.
"""

from __future__ import annotations

import argparse
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "cluster"), str(ROOT / "tests" / "support")]

SITE = """
name = "many"
description = "a cluster for many tasks"
source = "benchmarks"
as_of = 2026-01-01
max_array_size = {array}
{limit}
[[partitions]]
name = "main"
nodes = 1
cores = 1
mem_mb = 16000
default = true
"""
TOML = """
[pipeline]
name = "many"
tool = "hold"
genome = "GRCh37"
samples = "samples.txt"
command = "sleep 600  # {sample} {chromosome}"

[memory]
formula = "400 + 22 * length_mb"

[submit]
site = "./site.toml"
"""
# MaxArraySize, MaxJobCount, and whether the site's file says the latter
WHOLE = (100_001, 100_000, False)
IN_ROUNDS = (1001, 20_000, True)


def files(samples: int, array: int, count: int | None) -> dict[str, str]:
    """Return the files of a project."""
    limit = f"max_job_count = {count}" if count else ""
    names = "".join(f"s{number}\n" for number in range(samples))
    return {"chromplan.toml": TOML, "site.toml": SITE.format(array=array, limit=limit), "samples.txt": names}


def measured(argv: Sequence[str], folder: Path) -> str:
    """Return the CPU seconds and peak memory of a command."""
    code = (
        "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL);"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN);"
        "print(f'{used.ru_utime + used.ru_stime:.1f} s, {used.ru_maxrss >> 10} MB')"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def plan_and_render(samples: int) -> None:
    """Print what planning and rendering so many samples costs."""
    with tempfile.TemporaryDirectory() as name:
        for file, text in files(samples, 100_001, None).items():
            (Path(name) / file).write_text(text)
        for command in ("plan", "render"):
            used = measured([sys.executable, "-m", "planner", command], Path(name))
            print(f"{22 * samples} tasks, {command}: {used}", flush=True)


def submitted(samples: int, array: int, count: int, *, site_says: bool) -> None:
    """Submit so many samples on a private cluster and print what it took and gave."""
    from cluster import Cluster, Node
    from pipelines import Pipeline

    running = Cluster(
        nodes=[Node(cpus=1, mem_mb=16_000)], extra=f"MaxArraySize={array}\nMaxJobCount={count}\nMessageTimeout=60"
    )
    try:
        running.start()
        pipeline = Pipeline(running, name="many")
        for file, text in files(samples, array, count if site_says else None).items():
            pipeline.write(file, text)
        running.administrate("scontrol", "update", "PartitionName=main", "State=DOWN")
        left = 22 * samples
        pipeline.chromplan("plan")
        while left:
            pipeline.chromplan("render")
            began_s, cpu_s = time.monotonic(), children_s()
            told = pipeline.run("chromplan", "submit").stderr
            took_s, cpu_s = time.monotonic() - began_s, children_s() - cpu_s
            wanted = {row.split("\t")[1]: int(row.split("\t")[3]) for row in pipeline.manifest()}
            arrays = {job_id.partition("_")[0] for job_id in wanted}
            said = re.search(r"\d+ updates for .*records", told)
            asked_mb = running.asked_mb()
            wrong = sum(asked_mb.get(one) != mb for one, mb in wanted.items())
            lines = pipeline.run("scontrol", "show", "job", "-o").stdout.splitlines()
            # those of the round before are remembered for a while
            records = sum(line.partition("ArrayJobId=")[2].partition(" ")[0] in arrays for line in lines)
            print(
                f"MaxArraySize {array}, MaxJobCount {count}: {len(wanted)} tasks in {len(arrays)} arrays, "
                f"{took_s:.0f} s ({cpu_s:.1f} s of CPU); {said[0] if said else told}; {records} found, "
                f"{wrong} ask for other memory",
                flush=True,
            )
            left -= len(wanted)
            running.cancel_all()
            if left:
                pipeline.chromplan("next")
    finally:
        running.stop()


def children_s() -> float:
    """Return the CPU time of the commands that have ended, s."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("samples", nargs="*", type=int, default=[1000, 4546], metavar="SAMPLES")
    parser.add_argument("--submit", action="store_true", help="submit the first number on private clusters, too")
    options = parser.parse_args()
    for samples in options.samples:
        plan_and_render(samples)
    if options.submit:
        for array, count, site_says in (WHOLE, IN_ROUNDS):
            submitted(options.samples[0], array, count, site_says=site_says)


if __name__ == "__main__":
    main()
