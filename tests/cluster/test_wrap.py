"""Existing batch scripts, submitted by sbatch and wrapped: nothing that a script can see or write differs."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cluster import Cluster
from conftest import Clusters

from planner.wrap import request

pytestmark = pytest.mark.cluster
WILD = Path(__file__).parent.parent / "wrap" / "wild"
SCRIPTS = sorted(path.name for path in WILD.iterdir() if path.suffix != ".map")
SITE = """
name = "private"
description = "the test cluster"
source = "tests/cluster"
as_of = 2026-01-01
acctg_freq_s = 1

[[partitions]]
name = "main"
nodes = 2
cores = 8
mem_mb = 4000
default = true
"""
ARGUMENTS = {
    "11_arguments.sh": ["-i", "a b", "-v", "$(id)", "it's", "*", "", "-o", "x\ty", "end"],
    "15_python.sbatch": ["--flag", "{chromosome}"],
}
INPUTS = {
    "samples.txt": "NA1 a.bam\nNA2 b.bam\nNA3 c.bam\nNA4 d.bam\n",
    "table.tsv": "ArrayTaskID\tSample\tSex\n1\tBobby\tM\n2\tBen\tM\n3\tAmelia\tF\n",
    "sub/samples.txt": "NA1 a.bam\n",
    "sub/append_2.out": "what was there\n",
}


@dataclass
class Ran:
    """What a script did: its files, and the exit code of every index."""

    files: dict[str, bytes] = field(default_factory=dict)
    codes: dict[int, str] = field(default_factory=dict)


class Pair:
    """Two copies of a folder: in one every script goes to sbatch, in the other to chromplan sbatch."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.plain: dict[str, Path] = {}
        self.wrapped: dict[str, Path] = {}
        self.ids: dict[Path, str] = {}
        site = cluster.user_dir("site")
        write(cluster, site / "site.toml", SITE)
        for name in SCRIPTS:
            for kind in (self.plain, self.wrapped):
                kind[name] = folder = cluster.user_dir("wild")
                cluster.run(["mkdir", "logs", "sub"], cwd=folder)
                for path, text in INPUTS.items():
                    write(cluster, folder / path, text)
                write(cluster, folder / name, (WILD / name).read_text())
            arguments = [name, *ARGUMENTS.get(name, [])]
            table = WILD / f"{Path(name).stem}.map"
            mapped = [f"--map={table}"] if table.exists() else []
            own = ["chromplan", "sbatch", f"--site={site}/site.toml", "--no-history", *mapped]
            self.submit(self.plain[name], ["sbatch", "--parsable", *arguments])
            self.submit(self.wrapped[name], [*own, *arguments])
        cluster.wait(*self.elements(), timeout_s=120)

    def elements(self) -> Iterator[str]:
        """Return the id of every element: accounting learns of them one by one."""
        for name in SCRIPTS:
            written = request.read(WILD / name).array.indices
            yield from (f"{self.ids[self.plain[name]]}_{index}" for index in written)
            yield from (f"{self.ids[self.wrapped[name]]}_{index}" for index in range(len(written)))

    def submit(self, folder: Path, argv: list[str]) -> None:
        self.ids[folder] = self.cluster.run(argv, cwd=folder).stdout.strip()

    def ran(self, folder: Path) -> Ran:
        """Return what is left in a folder, with job ids made equal."""
        ids = self.ids[folder].split(":")
        rows = self.cluster.sacct(*ids, fields=("JobID", "ExitCode"))
        codes = {row["JobID"]: row["ExitCode"] for row in rows if "." not in row["JobID"]}
        found = Ran()
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = str(path.relative_to(folder))
            if not name.startswith("wrapped/"):
                found.files[re.sub(rf"(?<!\d){ids[0]}_", "JOB_", name)] = clean(path, folder)
        projects = list(folder.glob("wrapped/*/chromplan.toml"))
        if not projects:
            found.codes = {int(job.partition("_")[2]): code for job, code in codes.items()}
            return found
        elements = tomllib.loads(projects[0].read_text())["wrap"]["elements"]
        index = {one["task"]: one["index"] for one in elements}
        manifest = (projects[0].parent / "rounds/r001/manifest.tsv").read_text().splitlines()[1:]
        for line in manifest:
            task, job, *_ = line.split("\t")
            found.codes[index[task]] = codes[job]
        return found


def clean(path: Path, folder: Path) -> bytes:
    """Return a file without what differs from run to run: the folder, the spool, process ids, srun's waits."""
    text = path.read_bytes().replace(str(folder).encode(), b"FOLDER")
    text = re.sub(rb"srun: (Job \d+ step creation|Step created).*\n", b"", text)
    text = re.sub(rb"\d+ Killed", b"PID Killed", text)
    return re.sub(rb"\S*/slurm_script: ", b"slurm_script: ", text)


def write(cluster: Cluster, path: Path, text: str) -> None:
    cluster.run(["tee", path.name], cwd=path.parent, stdin=text)
    if text.startswith("#!"):
        cluster.run(["chmod", "+x", path.name], cwd=path.parent)


@pytest.fixture(scope="module")
def pair(clusters: Clusters) -> Iterator[Pair]:
    """Every script, run both ways."""
    cluster = clusters.get("omk")
    yield Pair(cluster)
    cluster.cancel_all()


def test_there_are_twenty_scripts() -> None:
    assert len(SCRIPTS) == 20


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_wrapped_script_writes_the_same_files_and_exits_with_the_same_codes(pair: Pair, name: str) -> None:
    plain, wrapped = pair.ran(pair.plain[name]), pair.ran(pair.wrapped[name])
    assert wrapped.codes == plain.codes
    assert sorted(wrapped.files) == sorted(plain.files)
    assert wrapped.files == plain.files
    assert len(plain.files) > len(INPUTS) + 1
    assert (pair.wrapped[name] / name).read_bytes() == (WILD / name).read_bytes()
