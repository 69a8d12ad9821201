"""A project on the test cluster, worked on as its ordinary user through the command line alone."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from planner.core import genomes

SITE = """
name = "private"
description = "the test cluster"
source = "tests/cluster"
as_of = 2026-01-01
acctg_freq_s = {acctg_freq_s}
{site}

[[partitions]]
name = "main"
nodes = 2
cores = 8
mem_mb = 4000
default = true
"""

# what a task holds grows with its chromosome: HELD_MB, and the interpreter's own 10; one that holds more than it may
# waits to be killed, so that nothing depends on when Slurm looks
HOLD = """
import os, sys, time
held_mb, sample, chromosome = float(sys.argv[1]), sys.argv[2], sys.argv[3]
held = bytearray(int(held_mb) << 20)
time.sleep(60 if held_mb > float(os.environ["CHROMPLAN_MEM_MB"]) else 0.3)
open(f"out/{sample}.chr{chromosome}", "a").write("done\\n")
"""
HOLD_COMMAND = "python3 hold.py $(awk -v c={chromosome} '$1 == c {{print $2}}' held.tsv) {sample} {chromosome}"
HELD_MB = {name: 40 + 1.1 * bases / 1e6 for name, bases in genomes.lengths("GRCh37").items()}
QUICK_COMMAND = "echo done >> out/{sample}.chr{chromosome}"

CONFIG = """
[pipeline]
name = "trip"
tool = "hold"
genome = "GRCh37"
chromosomes = "{chromosomes}"
samples = {samples}
command = '''{command}'''
time = "{time}"

[memory]
formula = "{formula}"

[submit]
site = "./site.toml"
mode = "{mode}"
{submit}
"""


class Pipeline:
    """A project folder of the cluster's ordinary user.

    Parameters
    ----------
    cluster : Cluster
        Of tests/cluster/cluster.py.
    acctg_freq_s
        What the site file says; the cluster samples every second.
    site
        Further lines at the top of the site file.
    name
        Of the folder.
    held_mb
        What `HOLD_COMMAND` holds, where it is not `HELD_MB`.
    **settings
        Fields of `CONFIG`.
    """

    def __init__(
        self,
        cluster: Any,
        *,
        acctg_freq_s: int = 1,
        site: str = "",
        name: str = "project",
        held_mb: Mapping[str, float] = HELD_MB,
        **settings: str,
    ) -> None:
        self.cluster = cluster
        self.folder: Path = cluster.user_dir(name)
        held = "".join(f"{name}\t{mb:.0f}\n" for name, mb in held_mb.items())
        for name, text in {
            "hold.py": HOLD,
            "site.toml": SITE.format(acctg_freq_s=acctg_freq_s, site=site),
            "held.tsv": held,
        }.items():
            self.write(name, text)
        self.run("mkdir", "out")
        self.settings = {
            "chromosomes": "1-22",
            "samples": '["s1"]',
            "command": QUICK_COMMAND,
            "formula": "100 + length_mb",
            "mode": "array",
            "time": "00:05:00",
            "submit": "",
        }
        self.configure(**settings)

    def configure(self, **settings: str) -> None:
        """Write chromplan.toml with these settings changed."""
        self.settings |= settings
        self.write("chromplan.toml", CONFIG.format(**self.settings))

    def write(self, name: str, text: str) -> None:
        self.cluster.run(["tee", name], cwd=self.folder, stdin=text)

    def run(
        self, *argv: str, env: dict[str, str] | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = self.cluster.run(argv, cwd=self.folder, env=env, check=check)
        return done

    def chromplan(self, *argv: str, env: dict[str, str] | None = None) -> str:
        return self.run("chromplan", *argv, env=env).stdout

    def json(self, *argv: str) -> Any:
        return json.loads(self.chromplan(*argv, "--json"))

    def ready(self) -> None:
        """Plan and render a round."""
        self.chromplan("plan")
        self.chromplan("render")

    def remember(self, minutes: float) -> None:
        """Import runs of all chromosomes that took so many minutes per Mb, and held 40 + length MB."""
        rows = [(name, bases / 1e6) for name, bases in genomes.lengths("GRCh37").items() if name.isdigit()]
        lines = [f"{name},{40 + mb:.1f},{60 * minutes * mb:.0f},{mb}" for name, mb in rows]
        self.write("past.csv", "\n".join(["chromosome,peak_mb,wall_s,length_mb", *lines, ""]))
        argv = ["history", "import", "past.csv", "--tool", "hold", "--feature", "length_mb=length_mb"]
        self.chromplan(*argv)

    def finish(self) -> dict[str, dict[str, Any]]:
        """Wait for the end of the latest round and return the standing of its tasks."""
        self.cluster.wait(*(line.split("\t")[1] for line in self.manifest()), timeout_s=120)
        number = int(self.latest().name[1:])
        return {row["task"]: row for row in self.json("status") if row["round"] == number}

    def until(self, done: Callable[[], bool], *, timeout_s: float = 480.0) -> None:
        """Ask again and again until it is so."""
        until_s = time.monotonic() + timeout_s
        while not done():
            assert time.monotonic() < until_s, "it has not come about"
            time.sleep(0.3)

    def latest(self) -> Path:
        return max((self.folder / "rounds").glob("r*"))

    def manifest(self) -> list[str]:
        return (self.latest() / "manifest.tsv").read_text().splitlines()[1:]

    def ran(self) -> dict[str, int]:
        """How often each task ran to its end."""
        return {path.name: len(path.read_text().splitlines()) for path in (self.folder / "out").iterdir()}

    def intercept(self, program: str, script: str) -> dict[str, str]:
        """Return an environment in which ``script`` runs for a Slurm command; ``$real`` is the command itself."""
        real = self.run("which", program).stdout.strip()
        self.run("mkdir", "-p", f"{program}.d")
        self.write(f"{program}.d/{program}", f"#!/bin/bash\nreal={real}\n{script}\n")
        self.run("chmod", "+x", f"{program}.d/{program}")
        return {"PATH": f"{self.folder}/{program}.d:{self.cluster.environment()['PATH']}"}

    def without_slurm(self) -> dict[str, str]:
        """Return an environment in which there is no Slurm."""
        return {"PATH": self.cluster.environment()["PATH"].split(":")[0]}

    def counting(self, program: str) -> dict[str, str]:
        """Return an environment in which every call of a Slurm command is noted."""
        return self.intercept(program, f'echo "$*" >> {self.folder}/{program}.calls; exec "$real" "$@"')

    def calls(self, program: str) -> list[str]:
        return (self.folder / f"{program}.calls").read_text().splitlines()
