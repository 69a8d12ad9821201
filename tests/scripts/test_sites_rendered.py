"""Every bundled site: a plan of three samples on 22 chromosomes becomes scripts that obey its rules."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import plans
import pytest

from planner import site as sites
from planner.core import files, units
from planner.core.config import Config
from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.core.samples import Sample
from planner.plan.document import Plan
from planner.scripts import jobs, render
from planner.scripts.job import Job
from planner.site import Partition, Site

GOLDEN = Path(__file__).parent.parent / "golden" / "sites"
NAMES = sorted(path.stem for path in files.shipped("site_configs").glob("*.toml"))
# partitions with rules that the default one of their site has not
SPECIAL = [("bell", "highmem"), ("bell", "standby"), ("pelle", "fat-2TB"), ("kelvin2", "himem")]
PLACES = [(name, None) for name in NAMES] + SPECIAL
EVERYWHERE = [(name, partition.name) for name in NAMES for partition in sites.load(name).partitions]
SAMPLES = [Sample(name=name, columns={}) for name in ("NA12878", "NA12891", "NA12892")]
SAME_EVERYWHERE = ("command.sh", "measure.sh", "submit.sh", "submit-tiers.sh")
FORMULA = "900 + 45 * length_mb"
# the part of a script that is the same for every site has golden files of its own
_TABLE = re.compile(r"^(?:  \d+\) set --|start) .*\n", re.MULTILINE)


def planned(name: str, partition: str | None = None, **memory: object) -> Plan:
    """Return the plan for a site, with an account and the environment that its modules expect."""
    config = plans.config(
        pipeline={"time": "08:00:00", "cpus": 2},
        memory={"formula": FORMULA, **memory},
        submit={"account": "genomics", "partition": partition},
    )
    site, account = sites.load(name).for_account("genomics", {})
    return plans.plan(_with_account(config, account), at=site, samples=SAMPLES)


def _with_account(config: Config, account: str | None) -> Config:
    return config.model_copy(update={"submit": config.submit.model_copy(update={"account": account})})


def shortened(rendered: dict[str, str]) -> dict[str, str]:
    """Return what of a round's scripts is particular to the site: the head of each, and a digest of its table."""
    found = {}
    for script, text in sorted(rendered.items()):
        if script in SAME_EVERYWHERE:
            continue
        head = text.partition("set -euo pipefail")[0]
        rows = _TABLE.findall(text)
        digest = hashlib.sha256("".join(rows).encode()).hexdigest()[:16]
        preamble = "".join(f"{line}\n" for line in text.splitlines() if line.startswith(("module ", "export OMP")))
        first = "".join(rows[:2])
        found[script] = f"{head}{preamble}# {len(rows)} rows, sha256 {digest}\n{first}"
    return found


@pytest.mark.parametrize(("name", "partition"), PLACES)
def test_the_scripts_of_a_site_are_as_recorded(name: str, partition: str | None) -> None:
    scripts = shortened(render.render(planned(name, partition)))
    found = "".join(f"===== {script}\n{text}" for script, text in scripts.items())
    recorded = GOLDEN / ".".join(filter(None, (name, partition))) / "scripts.txt"
    if not recorded.exists():
        recorded.parent.mkdir(parents=True, exist_ok=True)
        recorded.write_text(found)
        pytest.fail("recorded anew: read them, and run again")
    assert found == recorded.read_text(), f"{recorded}: delete it and run again when the change is wanted"


def test_no_site_is_recorded_that_is_not_bundled() -> None:
    recorded = sorted(path.name for path in GOLDEN.iterdir())
    assert recorded == sorted(".".join(filter(None, place)) for place in PLACES)


def headers(plan: Plan) -> Iterator[tuple[Job, dict[str, str]]]:
    """Yield every job with its ``#SBATCH`` options as a table."""
    rendered = render.render(plan)
    for job in jobs.jobs(plan):
        lines = re.findall(r"^#SBATCH --([\w-]+)(?:=(.*))?$", rendered[job.script], re.MULTILINE)
        yield job, dict(lines)


@pytest.mark.parametrize(("name", "where"), EVERYWHERE)
@pytest.mark.parametrize("mode", [Mode.ARRAY, Mode.TIERS, Mode.JOBS])
def test_every_job_obeys_the_rules_of_its_site_and_partition(name: str, where: str, mode: Mode) -> None:
    plan = planned(name, where)
    if plan.mode is Mode.ARRAY or mode is not Mode.ARRAY:
        plan = plan.model_copy(update={"mode": mode})
    site, partition = plan.target.site, plan.target.partition
    seen = 0
    for job, asked in headers(plan):
        seen += len(job.tasks)
        _memory(site, job, asked)
        _place(site, partition, job, asked)
        assert site.min_time_s <= (units.parse_duration_s(asked["time"]) or 0) <= partition.max_time_s
        assert asked["account"] == "genomics"
        assert job.array is None or max(indices(job.array)) < site.max_array_size
    assert seen == 66


def _memory(site: Site, job: Job, asked: dict[str, str]) -> None:
    """Hold a job's memory against the site's policy; each task gets at least what it was predicted to need."""
    cpus = int(asked["cpus-per-task"])
    assert ("mem" in asked, "mem-per-cpu" in asked) == (site.mem_policy == "mem", site.mem_policy == "mem_per_cpu")
    granted: dict[str, Callable[[], float | None]] = {
        "mem": lambda: units.parse_mem_mb(asked["mem"]),
        "mem_per_cpu": lambda: cpus * (units.parse_mem_mb(asked["mem-per-cpu"]) or 0),
        "cpus_only": lambda: cpus * (site.mem_per_core_default_mb or 0),
        "whole_node": lambda: max(one.mem_mb for one in site.partitions),
    }
    granted_mb = granted[site.mem_policy]()
    needed_mb = max(task.predicted_mb or 0 for task in job.tasks)
    assert granted_mb is not None
    assert granted_mb >= needed_mb
    assert granted_mb >= (site.min_mem_mb or 0)


def _place(site: Site, partition: Partition, job: Job, asked: dict[str, str]) -> None:
    cpus = int(asked["cpus-per-task"])
    assert asked.get("partition", "") == partition.option
    assert asked.get("qos") == partition.qos
    assert asked.get("constraint") == partition.constraint
    assert asked.get("clusters") == (partition.clusters or site.clusters)
    assert (partition.min_cores or 1) <= cpus <= partition.cores
    assert job.mem_mb <= partition.cap_mb
    per_core_mb = partition.mem_per_core_max_mb or site.mem_per_core_max_mb
    if per_core_mb and site.mem_policy in ("mem", "mem_per_cpu"):
        assert job.mem_mb <= cpus * per_core_mb
    for option in site.options:
        assert option.removeprefix("--").partition("=")[0] in asked


def indices(array: str) -> list[int]:
    """Return the indices of ``--array``."""
    body = array.partition("%")[0]
    ends = [part.split("-") for part in body.split(",")]
    return [index for end in ends for index in range(int(end[0]), int(end[-1]) + 1)]


@pytest.mark.parametrize("name", NAMES)
def test_the_preamble_of_a_site_stands_before_the_task(name: str) -> None:
    plan = planned(name)
    for script, text in render.render(plan).items():
        if script not in (*SAME_EVERYWHERE, "next.sh"):
            for line in plan.target.site.preamble:
                assert line in text.partition("CHROMPLAN_TMP=")[0]


@pytest.mark.parametrize("name", NAMES)
def test_a_need_above_the_largest_node_is_refused_naming_task_need_and_node(name: str) -> None:
    site = sites.load(name)
    largest_mb = site.cap_mb()
    with pytest.raises(InputError) as error:
        planned(name, formula=f"{largest_mb} + length_mb")
    assert "task NA12878.chr1 needs" in error.value.message
    assert f"{largest_mb} MB" in error.value.message
    assert str(largest_mb + 249) in error.value.message  # chr1 is 249 Mb


@pytest.mark.parametrize("name", [name for name in NAMES if sites.load(name).mem_policy != "whole_node"])
def test_an_array_longer_than_the_site_takes_is_split(name: str) -> None:
    site, _ = sites.load(name).for_account("genomics", {})
    short = site.model_copy(update={"max_array_size": 26, "max_submit": None})
    config = plans.config(memory={"formula": FORMULA}, submit={"account": "genomics"})
    plan = plans.plan(config, at=short, samples=SAMPLES)
    found = [asked["array"] for _, asked in headers(plan)]
    assert all(max(indices(array)) < 26 for array in found)
    assert sum(len(indices(array)) for array in found) == 66
