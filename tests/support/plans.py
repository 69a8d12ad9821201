"""Plans made for tests: small, with round numbers, no files."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from planner.core import pipelines
from planner.core.config import Config
from planner.core.documents import parse_toml
from planner.core.modes import Mode
from planner.core.samples import Sample
from planner.memory.model import MemoryModel
from planner.plan import build, task_list
from planner.plan.document import Plan
from planner.plan.inputs import Earlier, PlanInputs
from planner.project.regions import regions_of
from planner.site import Partition, Site

CONFIG = """
[pipeline]
name = "impute"
tool = "beagle"
genome = "GRCh37"
chromosomes = "1-22"
command = "beagle gt=chr{chromosome}.vcf.gz"
time = "02:00:00"

[memory]
formula = "100 + 20 * length_mb"
"""
ONE_NODE = Partition(name="one", nodes=1, cores=2, mem_mb=64_000)


def site(**changes: Any) -> Site:
    """Return a site of four nodes with 64 GB and 16 cores."""
    partition = Partition(name="main", nodes=4, cores=16, mem_mb=64_000, max_time="3-00:00:00", default=True)
    values: dict[str, Any] = {
        "name": "test",
        "description": "for tests",
        "source": "made up",
        "as_of": datetime.date(2026, 1, 1),
        "partitions": (partition,),
    }
    return Site(**{**values, **changes})


def config(text: str = CONFIG, **sections: Mapping[str, object]) -> Config:
    """Return a configuration; ``sections`` override fields: ``memory={"pilot": 0}``."""
    parsed = parse_toml(text, Config, path="chromplan.toml")
    for name, fields in sections.items():
        parsed = parsed.model_copy(update={name: getattr(parsed, name).model_copy(update=dict(fields))})
    return parsed


def plan(
    of: Config | None = None,
    *,
    at: Site | None = None,
    model: MemoryModel | None = None,
    earlier: Mapping[str, Earlier] | None = None,
    number: int = 1,
    samples: Sequence[Sample] | None = None,
    retry_failed: bool = False,
) -> Plan:
    """Return the plan of a configuration, features being chromosome lengths."""
    found = inputs(of, samples=samples)
    return build.plan(
        replace(
            found,
            site=at or found.site,
            model=model,
            earlier=earlier or {},
            number=number,
            retry_failed=retry_failed,
        )
    )


def inputs(of: Config | None = None, *, samples: Sequence[Sample] | None = None) -> PlanInputs:
    """Return what a first plan of a configuration is made from, features being chromosome lengths."""
    of = of or config()
    table = list(samples) if samples else pipelines.samples(of, Path())
    cut = regions_of(of, Path())
    cpus = {"cpus": float(of.pipeline.cpus_tried[0])} if "cpus" in of.features else {}
    features = {
        name: {"length_mb": region.length_bp / 1e6, **cpus} if region.length_bp else {}
        for name, _, region in task_list.names(of, table, cut)
    }
    return PlanInputs(
        config=of,
        tasks=task_list.tasks(of, table, cut, features),
        site=site(),
        account=of.submit.account,
        number=1,
        token="abc123",
        chromplan="0.1.0",
        command=pipelines.command_text(of, table, path=Path("chromplan.toml")),
        columns=pipelines.columns(of, table),
    )


def hour_long(mode: Mode, **changes: object) -> Plan:
    """Return a plan of four tasks of one hour each, on a site of one node."""
    of = config(submit={"mode": mode}, pipeline={"chromosomes": "19-22"})
    found = plan(of, at=site(partitions=(ONE_NODE,), **changes))
    tasks = [task.model_copy(update={"wall_s": 3600.0}) for task in found.tasks]
    return found.model_copy(update={"tasks": tasks})
