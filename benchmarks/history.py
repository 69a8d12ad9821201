"""How long it takes to read accounting and to record it: ``python -m benchmarks.history [ELEMENTS]``.

An array of that many elements (2200 unless given), each with a batch step and a task step, as sacct prints it.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from planner.history.labels import Labels
from planner.history.sacct.labels import label
from planner.history.sacct.read import DELIMITER, FIELDS, read_text
from planner.history.store import Store


def rows(element: int) -> list[str]:
    common = {"State": "COMPLETED", "ExitCode": "0:0", "AllocTRES": "cpu=1,mem=153600K,node=1", "AllocCPUS": "1"}
    common |= {"NNodes": "1", "ElapsedRaw": "600", "Start": "1795372377", "End": "1795372977", "NodeList": "n[1-2]"}
    job = common | {"JobID": f"3_{element}", "JobName": "impute", "DerivedExitCode": "0:0", "Submit": "1795372372"}
    used = {
        "MaxRSS": "49776K",
        "TRESUsageInTot": "cpu=00:00:00,energy=0,fs/disk=42.03K,mem=49776K,pages=0",
        "NTasks": "1",
    }
    batch = common | used | {"JobID": f"3_{element}.batch", "JobName": "batch"}
    task = common | used | {"JobID": f"3_{element}.0", "JobName": f"chr{element % 22 + 1}"}
    return [DELIMITER.join(row.get(name, "") for name in FIELDS) for row in (job, batch, task)]


def main() -> None:
    elements = int(sys.argv[1]) if len(sys.argv) > 1 else 2200
    text = "".join(f"{row}\n" for element in range(elements) for row in rows(element))
    started = time.perf_counter()
    found = label(read_text(text), Labels(tool="impute"))
    read_s = time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "history.sqlite") as store:
        seconds = []
        for _ in range(2):
            started = time.perf_counter()
            counts = store.add(found.observations, guessed=True)
            seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
        assert len(store.observations(tool="impute")) == elements
        seconds.append(time.perf_counter() - started)
        size_mb = (Path(folder) / "history.sqlite").stat().st_size / 1e6
    assert counts.unchanged == elements
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{3 * elements} rows, {len(text) / 1e6:.1f} MB of text: read and judged in {read_s:.2f} s")
    print(
        f"recorded in {seconds[0]:.2f} s, again in {seconds[1]:.2f} s, listed in {seconds[2]:.2f} s ({size_mb:.1f} MB)"
    )
    print(f"peak memory of the process {peak_mb:.0f} MB")


if __name__ == "__main__":
    main()
