"""The first hour of somebody who has an own script and three samples, at a terminal of 80 columns."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

SCRIPT = """#!/bin/bash
case $1.$2 in
  C.20) echo 'reading' >&2; echo 'error: C.chr20.vcf.gz: no such file' >&2; echo; exit 3;;
  B.21) exec python3 -c 'held = bytearray(900 << 20); import time; time.sleep(300)';;
  A.22) sleep 600;;
esac
sleep 1
echo done >> out.$1.$2
"""


class Terminal:
    """What a person types, and what the screen shows."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.folder: Path = cluster.user_dir("newcomer")

    def write(self, name: str, text: str) -> None:
        self.cluster.run(["tee", name], cwd=self.folder, stdin=text)

    def type(self, line: str, *, code: int = 0, patience_s: float = 120) -> str:
        """Run a line in a terminal of 80 columns; return what it shows, without colours."""
        inside = f"stty cols 80 rows 30; {line}"
        argv = ["script", "--quiet", "--return", "--command", inside, "/dev/null"]
        done = self.cluster.run(argv, cwd=self.folder, check=False, timeout_s=patience_s)
        shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.stdout.replace("\r\n", "\n"))
        assert done.returncode == code, shown
        assert "Traceback" not in shown
        assert "defect" not in shown
        # a row of a table never takes two lines
        assert all(len(row) <= 80 for row in shown.splitlines() if re.match(r"[ABC]\.chr2[0-2] ", row)), shown
        return shown


def test_a_newcomer_is_never_left_alone(omk_cluster: Cluster) -> None:
    person = Terminal(omk_cluster)
    person.write("job.sh", SCRIPT)
    person.write("samples.txt", "A\nB\nC\n")

    # the site and the samples are found; what cannot be right is refused before anything is written
    init = "chromplan init --name mine --tool mine --chromosomes 20-22 --time 1 --samples samples.txt --site"
    site = person.type("chromplan site detect -o site_configs/here.toml && chromplan site list | grep here")
    assert "wrote site_configs/here.toml" in site
    # a small cluster may be asked often
    person.type("sed -i '1i query_interval_s = 1' site_configs/here.toml && chromplan site check here")
    refused = person.type(f"{init} here --command 'bash job.sh {{chromosome}}'", code=2)
    assert "{sample} is missing: all 3 samples would run the same" in refused
    wrote = person.type(f"{init} here --command 'bash job.sh {{sample}} {{chromosome}}'")
    assert "3 samples × 3 chromosomes, site here" in wrote

    # a pilot goes first; what fails is told with its last line and its log
    assert "3 of 9 tasks (3 samples x 3 regions), array on here" in person.type("chromplan plan")
    assert "next: chromplan render" in person.type("chromplan status")
    assert "next: chromplan submit" in person.type("chromplan render")
    assert "next: chromplan submit" in person.type("chromplan status")
    submitted = person.type("chromplan submit")
    assert "submitted 3 tasks" in submitted
    assert "next: chromplan watch" in submitted
    assert "next: chromplan next" in person.type("chromplan watch")

    # the rest, and what failed once more: one is killed for memory, one runs out of time
    planned = person.type("chromplan next --retry-failed")
    assert "recorded: " in planned
    person.type("chromplan submit")
    # Slurm ends a task up to a minute after its limit of a minute
    person.type("chromplan watch", patience_s=400)
    shown = person.type("chromplan status")
    assert "failed: C.chr20: error: C.chr20.vcf.gz: no such file" in shown
    assert re.search(r"^A\.chr22 .* timeout ", shown, re.MULTILINE)
    assert re.search(r"^B\.chr21 .* oom ", shown, re.MULTILINE)
    assert "6 of 9 tasks done, 1 failed, 1 oom, 1 timeout" in shown
    assert "no such file" in person.type("chromplan logs C.chr20")
    assert "or ended but not recorded yet" in person.type("chromplan plan")
    assert "'A.chr2" in person.type("chromplan logs A.chr2", code=2)

    # killed and timed out ones ask for more, the failed one waits for a person
    again = person.type("chromplan next")
    assert "killed for memory at" in again
    assert "left out: C.chr20: failed" in again
    assert "--retry-failed runs it again" in again

    # a task that a person holds is said to be held, and watched no longer than anything else goes on
    omk_cluster.administrate("scontrol", "update", "partition=main", "state=down")
    try:
        person.type("chromplan submit")
        person.type("scontrol hold $(squeue --me --noheader --format=%F --states=PENDING)")
    finally:
        omk_cluster.administrate("scontrol", "update", "partition=main", "state=up")
    shown = person.type("chromplan status")
    assert re.findall(r"^(\S+) .* pending .* held$", shown, re.MULTILINE) == ["A.chr22", "B.chr21"], shown
    assert "next: let them start with 'scontrol release" in shown
    watched = person.type("chromplan watch", code=1)
    assert "2 tasks would wait for ever" in watched
    assert "scontrol release" in watched
    assert "cancelled 2 tasks" in person.type("chromplan cancel --yes")
    assert "next: correct what went wrong, then chromplan next --retry-failed" in person.type("chromplan status")
    person.type("mkdir elsewhere")
    assert "then chromplan next -C .. --retry-failed" in person.type("cd elsewhere && chromplan status -C ..")

    # a typing error, a wrong file, an odd place: two lines each
    assert "did you mean 'status'?" in person.type("chromplan stauts", code=2)
    assert "no such file" in person.type("cd / && chromplan plan", code=2)
