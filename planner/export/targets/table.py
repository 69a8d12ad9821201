"""A table with one row per task, for scripts, spreadsheets, and engines without an export of their own."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from planner.export.rules import ATTEMPTS, Rule, minutes

FILE = "chromplan.tsv"


def write(rules: Sequence[Rule]) -> dict[str, str]:
    """Return the table: tab-separated, memory of each attempt in MiB, time in minutes."""
    attempts = range(1, ATTEMPTS + 1)
    columns = ("rule", "sample", "chromosome", "cpus")
    held = io.StringIO()
    rows = csv.writer(held, delimiter="\t", lineterminator="\n")
    rows.writerow([*columns, *(f"mem_mb_{n}" for n in attempts), *(f"minutes_{n}" for n in attempts), "reason"])
    for rule in rules:
        for task in rule.tasks:
            limits = minutes(task.time_s) or [""] * ATTEMPTS
            rows.writerow([rule.name, task.sample, task.chromosome, task.cpus, *task.mem_mb, *limits, task.reason])
    return {FILE: held.getvalue()}
