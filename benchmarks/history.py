"""CPU time and memory of importing accounting: ``python -m benchmarks.history [ELEMENTS]``.

A file as chromplan's own sacct call prints it: an array of that many elements (2200 unless given), each with the rows
of the job, its batch step and its task step. It is imported, imported again, and imported with its rows shuffled.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from planner.history.sacct.read import DELIMITER, FIELDS


def rows(element: int) -> list[str]:
    """Return the rows of one element, as sacct prints them."""
    common = {"State": "COMPLETED", "ExitCode": "0:0", "AllocTRES": "cpu=1,mem=153600K,node=1", "AllocCPUS": "1"}
    common |= {"NNodes": "1", "ElapsedRaw": "600", "Start": "1795372377", "End": "1795372977", "NodeList": "n[1-2]"}
    job = common | {"JobID": f"3_{element}", "JobName": "impute", "DerivedExitCode": "0:0", "Submit": "1795372372"}
    peak = f"{40000 + element * 7919 % 90000}K"
    used = {
        "MaxRSS": peak,
        "TRESUsageInTot": f"cpu=00:00:00,energy=0,fs/disk=42.03K,mem={peak},pages=0",
        "NTasks": "1",
    }
    batch = common | used | {"JobID": f"3_{element}.batch", "JobName": "batch"}
    task = common | used | {"JobID": f"3_{element}.0", "JobName": f"chr{element % 22 + 1}"}
    return [DELIMITER.join(row.get(name, "") for name in FIELDS) for row in (job, batch, task)]


def imported(project: Path, file: Path) -> str:
    """Import a file with the command, and say what it cost."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "planner", "history", "import", "-C", str(project), str(file), "--tool", "impute"]
    script = f"import resource, subprocess; subprocess.run({command!r}, check=True)\n"
    script += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
    run = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    *_, said, peak_mb = run.stdout.splitlines()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return f"{cpu_s:.1f} s CPU, {peak_mb} MB ({said})"


def main() -> None:
    """Print one line per import."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("elements", nargs="?", type=int, default=2200, metavar="ELEMENTS", help="default: 2200")
    elements = parser.parse_args().elements
    lines = [row for element in range(elements) for row in rows(element)]
    with tempfile.TemporaryDirectory() as folder:
        for place, order in enumerate(("as printed", "shuffled")):
            project = Path(folder) / str(place)
            project.mkdir()
            file = project / "jobs.txt"
            if order == "shuffled":
                random.Random(1).shuffle(lines)
            file.write_text("".join(f"{line}\n" for line in lines))
            print(
                f"{len(lines)} rows {order}, {file.stat().st_size / 1e6:.0f} MB: {imported(project, file)}", flush=True
            )
            print(f"  the same file again: {imported(project, file)}", flush=True)


if __name__ == "__main__":
    main()
