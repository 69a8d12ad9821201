"""Batch scripts in a folder of the test cluster's ordinary user, submitted by ``chromplan sbatch``."""

from __future__ import annotations

import glob
import json
from pathlib import Path
from typing import Any

# holds as many MB as are given, long enough to be seen by polling
HOLD = 'python3 -c "import time; held = bytearray(int($1) << 20); time.sleep(3.5)"'


class Folder:
    """A user's folder with batch scripts in it."""

    def __init__(self, cluster: Any, name: str = "") -> None:
        self.cluster = cluster
        self.path: Path = cluster.user_dir("scripts")
        if name:
            cluster.run(["mkdir", name], cwd=self.path)
            self.path /= name

    def write(self, name: str, text: str) -> None:
        self.cluster.run(["tee", name], cwd=self.path, stdin=text)

    def script(self, name: str, body: str, *options: str, array: str = "19-22") -> None:
        lines = [f"#SBATCH {option}" for option in (f"--array={array}", "--mem=60M", "-o /dev/null", *options)]
        self.write(name, "\n".join(["#!/bin/bash", *lines, "chr=$SLURM_ARRAY_TASK_ID", body, ""]))

    def run(self, *argv: str) -> str:
        printed: str = self.cluster.run(argv, cwd=self.path).stdout
        return printed.strip()

    def sbatch(self, *argv: str, history: bool = False) -> str:
        return self.run("chromplan", "sbatch", *([] if history else ["--no-history"]), *argv)

    def project(self, name: str, *argv: str) -> str:
        return self.run("chromplan", *argv, "-C", name)

    def last_run(self, name: str) -> Path:
        """Return the folder of the last run of this name."""
        runs = Path(self.cluster.environment()["HOME"]) / ".local/share/chromplan/runs"
        return max(runs.glob(f"*.{glob.escape(name)}"), key=lambda path: int(path.name.partition(".")[0]))

    def finish(self, name: str) -> dict[str, dict[str, Any]]:
        """Wait for the jobs of the last run of this name and return the last attempt of each task."""
        manifests = sorted((self.last_run(name) / "rounds").glob("*/manifest.tsv"))
        ids = [line.split("\t")[1] for path in manifests for line in path.read_text().splitlines()[1:]]
        self.cluster.wait(*ids, timeout_s=90)
        self.project(name, "ingest")
        rows = json.loads(self.project(name, "status", "--json"))
        return {row["task"]: row for row in rows}

    def left(self, pattern: str) -> dict[str, str]:
        return {path.name: path.read_text() for path in sorted(self.path.glob(pattern))}


def outcomes(rows: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {task: row["outcome"] for task, row in rows.items()}
