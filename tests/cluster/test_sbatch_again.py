"""``chromplan sbatch`` that was killed while it submitted, and is repeated."""

from __future__ import annotations

import json
from typing import Any

import pytest
import slurm_processes as processes
from cluster import Cluster
from wrapped import Folder, outcomes

pytestmark = pytest.mark.cluster
ALL = ("chr20", "chr21", "chr22")


class Again:
    """A script that says which tasks of which cohort it ran."""

    def __init__(self, cluster: Cluster) -> None:
        self.folder = Folder(cluster)
        self.folder.script("imp.sh", "echo x >>ran.$COHORT.$SLURM_ARRAY_TASK_ID", array="20-22")
        self.folder.run("mkdir", "killing")
        real = self.folder.run("which", "sbatch")
        # once: what goes on finds it again, on the PATH of the first submission
        lines = f'#!/bin/bash\n[ ! -e killed ] || exec {real} "$@"\ntouch killed\n{real} "$@"\nkill -9 "$PPID"\n'
        self.folder.write("killing/sbatch", lines)
        self.folder.run("chmod", "+x", "killing/sbatch")
        self.cluster = cluster

    def sbatch(self, *words: str, cohort: str, killed: bool = False) -> str:
        """Hand the script over; return what is said."""
        path = self.cluster.environment()["PATH"]
        env = {"COHORT": cohort, "PATH": f"{self.folder.path}/killing:{path}" if killed else path}
        argv = ["chromplan", "sbatch", "--no-history", *words, "imp.sh"]
        done = self.cluster.run(argv, cwd=self.folder.path, env=env, check=not killed)
        assert (done.returncode != 0) == killed
        return done.stderr

    def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.folder.run("chromplan", "runs", "--all", "--json"))
        return found

    def ran(self) -> dict[str, int]:
        return {name: len(text.splitlines()) for name, text in self.folder.left("ran.*").items()}

    def in_queue(self) -> list[str]:
        return self.cluster.run(["squeue", "-h", "-o", "%F"]).stdout.split()


@pytest.mark.parametrize("mode", ["array", "tiers", "jobs"])
def test_the_same_again_goes_on_with_it(omk_cluster: Cluster, mode: str) -> None:
    again = Again(omk_cluster)
    before = len(again.runs())
    again.sbatch(f"--mode={mode}", cohort="A", killed=True)
    assert "was submitted only in part: going on with it" in again.sbatch(f"--mode={mode}", cohort="A")
    assert outcomes(again.folder.finish("imp")) == dict.fromkeys(ALL, "completed")
    assert len(again.runs()) == before + 1
    assert again.ran() == {f"ran.A.{c}": 1 for c in (20, 21, 22)}
    assert again.in_queue() == []


def test_the_same_again_in_a_named_folder_goes_on_with_it_and_another_is_refused(omk_cluster: Cluster) -> None:
    again = Again(omk_cluster)
    again.sbatch("--into=mine", cohort="A", killed=True)
    argv = ["chromplan", "sbatch", "--no-history", "--into=mine", "imp.sh"]
    codes = []
    for cohort in ("B", "A", "A"):
        done = omk_cluster.run(argv, cwd=again.folder.path, env={"COHORT": cohort}, check=False)
        codes.append(done.returncode)
        assert ("error: mine: the folder already holds a run: another one" in done.stderr) == (done.returncode != 0)
    assert codes == [2, 0, 2]
    processes.wait_until(lambda: not again.in_queue(), "all to end", timeout_s=90, pause_s=0.3)
    assert again.ran() == {f"ran.A.{c}": 1 for c in (20, 21, 22)}
    assert [path.name for path in again.folder.path.glob(".*")] == []


def test_a_run_whose_job_id_was_never_printed_is_not_submitted_again(omk_cluster: Cluster) -> None:
    again = Again(omk_cluster)
    before = len(again.runs())
    unheard = ["bash", "-c", "chromplan sbatch --no-history imp.sh >/dev/full"]
    assert omk_cluster.run(unheard, cwd=again.folder.path, env={"COHORT": "A"}, check=False).returncode != 0
    assert "whose submission was cut short" in again.sbatch(cohort="A")
    assert outcomes(again.folder.finish("imp")) == dict.fromkeys(ALL, "completed")
    assert len(again.runs()) == before + 1
    assert again.ran() == {f"ran.A.{c}": 1 for c in (20, 21, 22)}


def test_a_run_that_was_cancelled_is_not_gone_on_with(omk_cluster: Cluster) -> None:
    again = Again(omk_cluster)
    before = len(again.runs())
    unheard = ["bash", "-c", "chromplan sbatch --no-history --hold imp.sh >/dev/full"]
    omk_cluster.run(unheard, cwd=again.folder.path, env={"COHORT": "A"}, check=False)
    again.folder.run("chromplan", "cancel", "--yes", "-C", "imp")
    again.sbatch("--hold", cohort="A")
    assert len(again.runs()) == before + 2
    again.folder.run("chromplan", "cancel", "--yes", "-C", "imp")


def test_another_cohort_is_another_run_and_so_is_the_same_once_it_was_submitted(omk_cluster: Cluster) -> None:
    again = Again(omk_cluster)
    before = len(again.runs())
    again.sbatch(cohort="A", killed=True)
    for cohort in ("B", "A", "A"):
        again.sbatch(cohort=cohort)
    processes.wait_until(lambda: not again.in_queue(), "all to end", timeout_s=90, pause_s=0.3)
    assert len(again.runs()) == before + 3
    expected = {f"ran.{cohort}.{c}": count for cohort, count in (("A", 2), ("B", 1)) for c in (20, 21, 22)}
    assert again.ran() == expected
