"""sbatch's options and odd files, handed to sbatch and to chromplan sbatch: taken alike, refused alike, run alike."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import slurm_processes as processes
from both_ways_cases import CASES, USUAL, Case
from cluster import Cluster, Node
from conftest import Clusters

pytestmark = pytest.mark.cluster
COMMANDS = {"plain": "sbatch --parsable", "ours": "chromplan sbatch --no-history"}
# Slurm's own words about a process that ended while it was being signalled
SIGNAL_TOO_LATE = re.compile(rb"^.*error: _handle_signal_container: failed signal .*No such process\n", re.MULTILINE)
FIELDS = ("JobID", "JobName", "State", "ExitCode", "Partition", "ReqCPUS", "ReqNodes", "ReqMem", "Timelimit", "WorkDir")


@dataclass
class Ran:
    """What became of a case: the command's exit code, the files, and accounting's rows of every job of the folder."""

    code: int
    printed: str
    said: str
    job: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    rows: list[tuple[str, ...]] = field(default_factory=list)


class BothWays:
    """Every case, run both ways in a folder each."""

    def __init__(self, cluster: Cluster, chosen: Mapping[str, Case]) -> None:
        self.cluster = cluster
        self.nodes: dict[str, str] = {}
        ways = [(name, way) for name in chosen for way in COMMANDS]
        self.folders = {way: cluster.user_dir("both") for way in ways}
        # sbatch --wait and its like mostly wait
        with ThreadPoolExecutor(max_workers=(os.cpu_count() or 1) + 1) as threads:
            self.ran = dict(zip(ways, threads.map(lambda way: self._submit(chosen[way[0]], way), ways), strict=True))
        try:
            processes.wait_until(lambda: not self._queue(), "all jobs to end", timeout_s=600, pause_s=1)
            processes.wait_until(lambda: not self._unknown(), "accounting of all jobs", timeout_s=300, pause_s=1)
        except processes.StartError as error:
            raise AssertionError(f"{error}; the queue:\n{self._queue()}\nnot known: {self._unknown()}") from None
        jobs = self._jobs()
        for way, ran in self.ran.items():
            self._gather(ran, self.folders[way], jobs)

    def _submit(self, case: Case, way: tuple[str, str]) -> Ran:
        folder = self.folders[way]
        write(folder / "s.sh", case.script, self.cluster)
        argv = ["bash", "-c", case.line.replace("$SBATCH", COMMANDS[way[1]])]
        done = self.cluster.run(argv, cwd=folder, env=dict(case.env), check=False)
        ran = Ran(code=done.returncode, printed=done.stdout, said=done.stderr)
        ran.job = ran.printed.strip().partition(";")[0].splitlines()[0] if ran.printed.strip() else ""
        self._queue()
        return ran

    def _queue(self) -> list[str]:
        """Return the jobs that have not ended, and note the nodes of all: Slurm soon forgets those that have."""
        argv = ["squeue", "-hr", "-t", "all", "-o", "%i|%N|%T|%r"]
        rows = [row.split("|") for row in self.cluster.run(argv).stdout.splitlines()]
        self.nodes |= {job: nodes for job, nodes, *_ in rows}
        return [" ".join(row) for row in rows if row[2] in ("PENDING", "RUNNING", "COMPLETING", "CONFIGURING")]

    def _unknown(self) -> list[str]:
        """Return the jobs and elements of which accounting does not know yet that they have ended."""
        argv = ["sacct", "-nXPD", "-S", "now-1days", "-o", "JobID,End"]
        rows = [row.split("|") for row in self.cluster.run(argv).stdout.splitlines()]
        running = {job for job, end in rows if end in ("Unknown", "")}
        # of what never began it may know nothing, or the elements of an array as one
        began = {job for job, nodes in self.nodes.items() if nodes}
        return sorted(running | (began - {job for job, _ in rows}))

    def _jobs(self) -> list[tuple[Path, str]]:
        """Return each job with the folder in which it was submitted."""
        argv = ["sacct", "-nXPD", "-S", "now-1days", "-o", "WorkDir,JobID"]
        rows = [row.split("|") for row in self.cluster.run(argv).stdout.splitlines()]
        return sorted({(Path(folder), job.partition("_")[0]) for folder, job in rows}, key=lambda one: int(one[1]))

    def _gather(self, ran: Ran, folder: Path, jobs: Sequence[tuple[Path, str]]) -> None:
        ids = [job for where, job in jobs if where.is_relative_to(folder) or job == ran.job]
        for job in ids:
            rows = self.cluster.sacct(job, fields=FIELDS)
            began = {row["JobID"].partition(".")[0] for row in rows if "." in row["JobID"]}
            for row in rows:
                # of what never began accounting may hold nothing, a part, or the elements of an array as one
                if row["State"].startswith("CANCELLED") and row["JobID"].partition(".")[0] not in began:
                    continue
                row["JobID"] = row["JobID"].removeprefix(job)
                # a job without a time limit in a partition without one has a year, if it is the backfill that starts it
                row["Timelimit"] = row["Timelimit"].replace("365-00:00:00", "UNLIMITED")
                ran.rows.append(tuple(value.replace(str(folder), "FOLDER") for value in row.values()))
        any_id = "|".join(ids) or "none"
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            text = path.read_bytes().replace(str(folder).encode(), b"FOLDER")
            text = re.sub(rb"(?:/[^\s/]+)+/slurm_script", b"slurm_script", text)
            text = SIGNAL_TOO_LATE.sub(b"", text)
            name = re.sub(rf"(?<=slurm-)0*(?:{any_id})(?=[_.])", "JOB", str(path.relative_to(folder)))
            ran.files[name] = re.sub(rf"\b(?:{any_id})_".encode(), b"JOB_", text)


def write(path: Path, content: bytes, cluster: Cluster) -> None:
    """Write a file of the submitting user's."""
    path.write_bytes(content)
    if os.geteuid() == 0:
        os.chown(path, cluster.person.uid, cluster.person.gid)


@pytest.fixture(scope="module")
def both(request: pytest.FixtureRequest, clusters: Clusters) -> Iterator[BothWays]:
    """Every case that is to be tested, run both ways, on nodes that claim to have GPUs."""
    wanted = {item.name for item in request.session.items if "both" in getattr(item, "fixturenames", ())}
    chosen = {
        name: case
        for name, case in CASES.items()
        if any(f"[{name}]" in one for one in wanted) and shutil.which(case.needs)
    }
    cluster = clusters.start(nodes=[Node(cpus=8, mem_mb=mem_mb, has_gpus=True) for mem_mb in (8000, 4000)])
    yield BothWays(cluster, chosen)
    cluster.cancel_all()
    cluster.stop()


@pytest.mark.parametrize("name", CASES if os.environ.get("CHROMPLAN_BOTH_WAYS") == "all" else USUAL)
def test_a_script_is_taken_refused_and_run_alike(both: BothWays, name: str) -> None:
    if (name, "plain") not in both.ran:
        pytest.skip(f"no {CASES[name].needs} here")
    plain, ours = both.ran[name, "plain"], both.ran[name, "ours"]
    assert (plain.job == "") == CASES[name].refused, plain.said
    assert (ours.job == "") == CASES[name].refused, ours.said
    assert ours.files == plain.files
    assert ours.rows == plain.rows
    if not CASES[name].refused:
        assert ours.code == plain.code
    elif ours.code:
        lines = ours.said.splitlines()
        assert [line.partition(":")[0] for line in lines[-2:]] == ["error", "hint"]
