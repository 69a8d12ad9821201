"""Existing batch scripts, handed to sbatch and to chromplan sbatch: nothing that a script can see or write differs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cluster import Cluster
from conftest import Clusters

from planner.wrap import options, request
from planner.wrap.request import Request, Source

pytestmark = pytest.mark.cluster
WILD = Path(__file__).parent.parent / "wrap" / "wild"
SCRIPTS = sorted(path.name for path in WILD.iterdir() if path.suffix != ".map")
HELPED = "46_no_folder_for_its_output.sh"
ARGUMENTS = {
    "11_arguments.sh": ["-i", "a b", "-v", "$(id)", "it's", "*", "", "-o", "x\ty", "end"],
    "15_python.sbatch": ["--flag", "{chromosome}"],
    "24_prsice_getopts.sh": ["-b", "base.txt", "-t", "tar get", "--", "more", ""],
    "28_perl.pl": ["a", "b c"],
    "40_no_array.sh": ["an", "argument"],
}
OPTIONS = {
    "23_regenie_singleton.sh": ["--job-name={kind}-regenie"],
    "39_nothing_asked.sh": ["-a", "1-2", "-o", "nothing.%a.out", "--mem", "50", "-t1"],
}
STDIN = {"42_standard_input.sh"}
VARIABLES = {
    "37_export_none.sh": {"COHORT": "A", "OTHER": "x"},
    "48_exported_names.sh": {"OTHER": "x"},
    "39_nothing_asked.sh": {"SBATCH_JOB_NAME": "from-the-shell", "SBATCH_MEM_PER_NODE": "70"},
}
INPUTS = {
    "samples.txt": "NA1 a.bam\nNA2 b.bam\nNA3 c.bam\nNA4 d.bam\n",
    "table.tsv": "ArrayTaskID\tSample\tSex\n1\tBobby\tM\n2\tBen\tM\n3\tAmelia\tF\n",
    "intervals.list": "chr1:1-5000\nchr1:5001-9000\nchrX:1-800\n",
    "chunks.tsv": "".join(f"{n}\tchr20\tchr20:{n}000-{n}999\tchr20:{n}000-{n + 1}999\n" for n in range(1, 5)),
    "sub/samples.txt": "NA1 a.bam\n",
    "sub/append_2.out": "what was there\n",
}
# steps that a script starts at once are numbered as they come
AT_ONCE = {"41_steps_and_cleanup.sh"}


@dataclass
class Ran:
    """What a script did: its files, and what accounting has of every index.

    Attributes
    ----------
    rows : dict
        Index -> its attempts and steps: (step, name, state, exit code) each.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    rows: dict[int | None, list[tuple[str, ...]]] = field(default_factory=dict)


class Pair:
    """Two copies of a folder: in one every script goes to sbatch, in the other to chromplan sbatch."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.folders: dict[tuple[str, str], Path] = {}
        self.ids: dict[Path, str] = {}
        for name in SCRIPTS:
            for kind in ("plain", "wrapped"):
                self.folders[name, kind] = folder = cluster.user_dir("wild")
                cluster.run(["mkdir", "logs", "sub"], cwd=folder)
                for path, text in INPUTS.items():
                    write(cluster, folder / path, text)
                write(cluster, folder / name, (WILD / name).read_text())
            self.submit(name, "plain", ["sbatch", "--parsable"])
            self.submit(name, "wrapped", ["chromplan", "sbatch", "--no-history", *mapped(name)])
        cluster.wait_until_idle()
        cluster.wait(*self.elements(), timeout_s=60)

    def elements(self) -> Iterator[str]:
        """Return the id of every element: accounting learns of them one by one."""
        for name in SCRIPTS:
            array = asked(name).array
            for kind in ("plain", "wrapped"):
                job = self.ids[self.folders[name, kind]]
                yield from [f"{job}_{index}" for index in array.indices] if array else [job]

    def submit(self, name: str, kind: str, argv: list[str]) -> None:
        folder = self.folders[name, kind]
        given = [word.replace("{kind}", kind) for word in OPTIONS.get(name, [])]
        script = [] if name in STDIN else [name, *ARGUMENTS.get(name, [])]
        stdin = (WILD / name).read_text() if name in STDIN else None
        done = self.cluster.run([*argv, *given, *script], cwd=folder, env=VARIABLES.get(name), stdin=stdin)
        self.ids[folder] = done.stdout.strip()

    def ran(self, name: str, kind: str) -> Ran:
        """Return what is left in a folder, with job ids made equal."""
        folder = self.folders[name, kind]
        job = self.ids[folder]
        assert job.isdecimal()
        found = Ran()
        for row in self.cluster.sacct(job, fields=("JobID", "JobName", "State", "ExitCode")):
            job_id, _, step = row["JobID"].partition(".")
            index = int(job_id.partition("_")[2]) if "_" in job_id else None
            step = "N" if name in AT_ONCE and step.isdecimal() else step
            called = row["JobName"].replace(kind, "KIND")
            found.rows.setdefault(index, []).append((step, called, row["State"], row["ExitCode"]))
        found.rows = {index: sorted(rows) if name in AT_ONCE else rows for index, rows in found.rows.items()}
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            name = re.sub(
                rf"(?<![0-9A-Za-z.]){job}(?=[_-])|(?<=slurm-){job}(?=\.out$)", "JOB", str(path.relative_to(folder))
            )
            found.files[name] = clean(path, folder)
        return found


def asked(name: str) -> Request:
    """Return what a script asks for with the options it is handed over with."""
    given, _ = options.read(OPTIONS.get(name, []), where="")
    return request.read(Source(name=name, text=(WILD / name).read_bytes()), given)


def mapped(name: str) -> list[str]:
    table = WILD / f"{Path(name).stem}.map"
    return [f"--map={table}"] if table.exists() else []


def clean(path: Path, folder: Path) -> bytes:
    """Return a file without what differs from run to run: folder, spool, process ids, times, srun's waits."""
    text = path.read_bytes().replace(str(folder).encode(), b"FOLDER")
    text = re.sub(rb"srun: (Job \d+ step creation|Step created).*\n", b"", text)
    text = re.sub(rb"srun: error: n\d: task", b"srun: error: NODE: task", text)
    # 26.05 has a time there instead of a name
    stepd = rb"(?:slurmstepd-n\d:|\[\S+\]) error: "
    text = re.sub(stepd + rb"(.*) JOB \d+ ON n\d CANCELLED AT \S+", rb"\1 JOB CANCELLED", text)
    text = re.sub(rb"\d+ Killed", b"PID Killed", text)
    # srun and slurmstepd write the end of a step in any order
    text = re.sub(rb"(?:^(?:srun|slurmstepd\S*|\[\S+\]): error: .*\n)+", _in_order, text, flags=re.MULTILINE)
    return re.sub(rb"\S*/slurm_script", b"slurm_script", text)


def _in_order(lines: re.Match[bytes]) -> bytes:
    return b"".join(sorted(lines[0].splitlines(keepends=True)))


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


def test_there_are_fifty_scripts() -> None:
    assert len(SCRIPTS) >= 50


@pytest.mark.parametrize("name", [name for name in SCRIPTS if name != HELPED])
def test_a_script_does_the_same_under_chromplan(pair: Pair, name: str) -> None:
    plain, wrapped = pair.ran(name, "plain"), pair.ran(name, "wrapped")
    assert wrapped.rows == plain.rows
    assert sorted(wrapped.files) == sorted(plain.files)
    assert wrapped.files == plain.files
    assert (pair.folders[name, "wrapped"] / name).read_bytes() == (WILD / name).read_bytes()


def test_only_a_missing_folder_of_a_log_is_made_where_slurm_would_fail_the_job(pair: Pair) -> None:
    plain, wrapped = pair.ran(HELPED, "plain"), pair.ran(HELPED, "wrapped")
    assert {state for rows in plain.rows.values() for step, _, state, _ in rows if not step} == {"FAILED"}
    assert set(plain.files) == set(wrapped.files) - {"nowhere/1.out", "nowhere/2.out", "ran.1", "ran.2"}
    assert {"ran.1", "ran.2"} <= set(wrapped.files)


def test_each_submission_was_a_run_of_its_own(pair: Pair) -> None:
    listed = pair.cluster.run(["chromplan", "runs", "--all", "--json"]).stdout
    assert listed.count('"run"') >= len(SCRIPTS)
