"""Whatever the user's environment tells Slurm's commands, a round goes as without it."""

from __future__ import annotations

import gzip
import json
import os
import re
from pathlib import Path

import interference
import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster
TRIALS = Path(__file__).parent / "interference_trials.py"
SETTINGS = {family: interference.variables(family) for family in interference.FAMILIES}


@pytest.mark.parametrize("hostile", SETTINGS.values(), ids=SETTINGS)
def test_a_round_goes_as_without_it(omk_cluster: Cluster, hostile: dict[str, str]) -> None:
    goes_as_without(omk_cluster, hostile, "chromplan", "submit")


def test_the_submission_in_bash_goes_as_without_it(omk_cluster: Cluster) -> None:
    goes_as_without(omk_cluster, interference.VARIABLES, "bash", "rounds/r001/submit.sh")


def goes_as_without(cluster: Cluster, hostile: dict[str, str], *argv: str) -> None:
    pipeline = Pipeline(cluster, chromosomes="20-22", command=": {chromosome}; echo $CHROMPLAN_TASK >> started")
    pipeline.ready()
    pipeline.run(*argv, env=hostile)
    ended = pipeline.finish()
    assert {row["outcome"] for row in ended.values()} == {"completed"}
    assert sorted(line.split()[0] for line in (pipeline.folder / "started").read_text().splitlines()) == sorted(ended)
    assert len({line.split("\t")[1].partition("_")[0] for line in pipeline.manifest()}) == 1, "one array, no tiers"
    assert "3 completed" in pipeline.chromplan("ingest", env=hostile)


def test_steps_go_as_without_it(omk_cluster: Cluster) -> None:
    for mode in ("packed", "dynamic"):
        pipeline = Pipeline(omk_cluster, mode=mode, chromosomes="20-22")
        pipeline.ready()
        pipeline.run("chromplan", "submit", env=interference.VARIABLES)
        assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}


@pytest.mark.skipif(not os.environ.get("CHROMPLAN_EVERY_VARIABLE"), reason="CHROMPLAN_EVERY_VARIABLE=1: takes minutes")
def test_a_round_goes_as_without_each_variable_by_itself(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="20-22")
    pipeline.ready()
    work = omk_cluster.user_dir("interference")
    spec = {
        "base": str(pipeline.folder),
        "work": str(work / "trials"),
        "variables": interference.VARIABLES,
        "tasks": ["s1.chr20", "s1.chr21", "s1.chr22"],
    }
    pipeline.write("spec.json", json.dumps(spec))
    done = omk_cluster.run(
        ["python3", TRIALS, pipeline.folder / "spec.json"],
        cwd=work,
        check=False,
        timeout_s=6000,
        env={"TMPDIR": str(work), "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    wrong = json.loads(done.stdout.splitlines()[-1])
    print(f"{len(interference.VARIABLES)} variables, {len(wrong)} wrong")
    for name, said in wrong.items():
        print(f"{name}:", *said, sep="\n  ")
    assert wrong == {}


# MPI start-up, the cluster's own address, and the output of commands
NOT_OPTIONS = frozenset(("PMI_FANOUT", "PMI_FANOUT_OFF_HOST", "PMI_TIME", "SLURM_CONF"))
COMMANDS = ("sacct", "sbatch", "scancel", "scontrol", "sinfo", "squeue", "srun", "sstat")
MANUAL = Path("/usr/share/man/man1")


def test_every_variable_that_this_machines_manuals_list_is_tried() -> None:
    listed = {name for command in COMMANDS for name in listed_variables(MANUAL / f"{command}.1.gz")}
    if not listed:
        pytest.skip("Slurm's manuals are not installed")
    assert listed - NOT_OPTIONS <= interference.VARIABLES.keys()


def listed_variables(manual: Path) -> set[str]:
    """Return the variables in the sections of a manual on those that the command reads."""
    if not manual.exists():
        return set()
    text = re.sub(r"\\f.", "", gzip.decompress(manual.read_bytes()).decode(errors="replace")).replace("\\-", "-")
    found: set[str] = set()
    for section in re.split(r"^\.SH ", text, flags=re.MULTILINE):
        title, _, body = section.partition("\n")
        if "ENVIRONMENT" in title and "OUTPUT" not in title:
            for line in re.findall(r"^(?:\.\w+ )?\"?([A-Z][A-Z0-9_]+(?:, *[A-Z0-9_]+)*)", body, flags=re.MULTILINE):
                found.update(re.findall(r"(?:S[A-Z]+|PMI)_[A-Z0-9_]+", line))
    return found
