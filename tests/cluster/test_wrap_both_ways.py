"""sbatch's options and odd files, handed to sbatch and to chromplan sbatch: taken alike, refused alike, run alike."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import slurm_processes as processes
from both_ways_cases import CASES, USUAL, Case
from cluster import Cluster, Node
from conftest import Clusters

pytestmark = pytest.mark.cluster
FIELDS = ("JobID", "JobName", "State", "ExitCode", "Partition", "ReqCPUS", "ReqNodes", "ReqMem", "Timelimit", "WorkDir")


@dataclass
class Ran:
    """What became of a case: the command's exit code, the files, and accounting's rows."""

    code: int
    printed: str
    said: str
    job: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    rows: list[tuple[str, ...]] = field(default_factory=list)
    elements: set[str] = field(default_factory=set)


class BothWays:
    """Every case, run both ways in a folder each."""

    def __init__(self, cluster: Cluster, chosen: Mapping[str, Case]) -> None:
        self.cluster = cluster
        self.ran: dict[tuple[str, str], Ran] = {}
        self.folders: dict[tuple[str, str], Path] = {}
        for name, case in chosen.items():
            for way, command in (("plain", "sbatch --parsable"), ("ours", "chromplan sbatch --no-history")):
                folder = self.folders[name, way] = cluster.user_dir("both")
                write(folder / "s.sh", case.script, cluster)
                argv = ["bash", "-c", case.line.replace("$SBATCH", command)]
                done = cluster.run(argv, cwd=folder, env=dict(case.env), check=False)
                ran = self.ran[name, way] = Ran(code=done.returncode, printed=done.stdout, said=done.stderr)
                ran.job = ran.printed.strip().partition(";")[0].splitlines()[0] if ran.printed.strip() else ""
                if ran.job.isdecimal():
                    ran.elements = set(
                        cluster.run(["squeue", "-hr", "-t", "all", "-j", ran.job, "-o", "%i"]).stdout.split()
                    )
        try:
            processes.wait_until(lambda: not self._queue(), "all jobs to end", timeout_s=240, pause_s=1)
        except processes.StartError as error:
            raise AssertionError(f"{error}; the queue:\n{self._queue()}") from None
        for (name, way), ran in self.ran.items():
            self._gather(ran, self.folders[name, way])

    def _queue(self) -> str:
        return self.cluster.run(["squeue", "-h", "-o", "%i %j %T %r %M %Z"]).stdout

    def _gather(self, ran: Ran, folder: Path) -> None:
        if ran.job.isdecimal():
            processes.wait_until(lambda: self._has_ended(ran), f"accounting of job {ran.job}", timeout_s=120)
            rows = self.cluster.sacct(ran.job, fields=FIELDS)
            began = {row["JobID"].partition(".")[0] for row in rows if "." in row["JobID"]}
            for row in rows:
                # of what never began accounting may hold nothing, a part, or the elements of an array as one
                if row["State"].startswith("CANCELLED") and row["JobID"].partition(".")[0] not in began:
                    continue
                row["JobID"] = row["JobID"].removeprefix(ran.job)
                # a job without a time limit in a partition without one has a year, if it is the backfill that starts it
                row["Timelimit"] = row["Timelimit"].replace("365-00:00:00", "UNLIMITED")
                ran.rows.append(tuple(value.replace(str(folder), "FOLDER") for value in row.values()))
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            text = path.read_bytes().replace(str(folder).encode(), b"FOLDER")
            text = re.sub(rb"\S*/slurm_script", b"slurm_script", text)
            ran.files[self._same(str(path.relative_to(folder)), ran)] = (
                text.replace(ran.job.encode() + b"_", b"JOB_") if ran.job else text
            )

    def _has_ended(self, ran: Ran) -> bool:
        """Return whether accounting, which learns of elements one by one, knows how all ended, or that none began."""
        rows = self.cluster.sacct(ran.job, fields=("JobID", "State", "End"))
        never_began = any(row["State"].startswith("CANCELLED") for row in rows)
        known = never_began or ran.elements <= {row["JobID"] for row in rows}
        return bool(rows) and known and all(row["End"] not in ("Unknown", "") for row in rows)

    def _same(self, name: str, ran: Ran) -> str:
        return re.sub(rf"(?<=slurm-){ran.job}(?=[_.])", "JOB", name) if ran.job.isdecimal() else name


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
