"""Inputs of ``chromplan simulate``: the past jobs and the nodes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from planner.actions.fitting import feature_names
from planner.actions.learning import poll_s
from planner.actions.opening import genome_lengths, load_site, open_project, open_store
from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.core.config import Config
    from planner.core.records import Observation
    from planner.history.reading import Skipped
    from planner.plan.document import Target
    from planner.project.folder import ProjectFolder
    from planner.replay.past import Workload
    from planner.site import Partition, Site


@dataclass(frozen=True, kw_only=True)
class History:
    """Past attempts of one tool, and what the project says of it.

    Attributes
    ----------
    site : Site or None
        None where neither the project nor the command line names one.
    level : float or None
        ``memory.level`` of the pipeline.
    poll_s : float
        How often the site reads a job's memory, s.
    """

    tool: str
    observations: Sequence[Observation]
    feature_names: tuple[str, ...]
    site: Site | None
    config: Config | None
    level: float | None
    poll_s: float


def read(folder: Path, asked: dict[str, Any], *, tell: Callable[[Sequence[Skipped]], None]) -> History:
    """Read the attempts to replay, from the project's history or from a table; ``tell`` hears which rows were skipped.

    Raises
    ------
    InputError
        When there are none, or it is not clear whose.
    """
    from planner.core.sampling import POLL_S

    project = open_project(folder)
    config = project.config() if project.config_path.exists() else None
    observations = _from_table(project, asked, tell) if asked["table_file"] else _from_store(project)
    tool = _tool(config, observations, asked["tool"])
    mine = [one for one in observations if one.tool == tool]
    if not mine:
        raise InputError(f"no attempt of {tool} is recorded", "'chromplan history show --summary' lists the tools")
    named = () if asked["table_file"] else tuple(asked["features"])
    own = config if config is not None and config.pipeline.tool == tool and not asked["table_file"] else None
    return History(
        tool=tool,
        observations=mine,
        feature_names=named or feature_names(own, tool, mine),
        site=_site(project, config, asked["site_name"]),
        config=config,
        level=None if own is None else own.memory.level,
        poll_s=POLL_S if config is None else poll_s(project, config),
    )


def _from_store(project: ProjectFolder) -> list[Observation]:
    if not project.store_path.exists():
        raise InputError(
            f"{project.store_path}: nothing is recorded yet",
            "'chromplan history import FILE' reads what earlier jobs used; --table FILE replays a table at once",
        )
    with open_store(project) as store:
        return store.observations()


def _from_table(
    project: ProjectFolder, asked: dict[str, Any], tell: Callable[[Sequence[Skipped]], None]
) -> list[Observation]:
    from planner.history import labels, reading
    from planner.history.readers import tables

    path: Path = asked["table_file"]
    columns = [text if "=" in text else f"{text}={text}" for text in asked["features"]]
    read = tables.read_table(
        reading.load_text(path),
        columns=tables.columns_named(asked | {"features": columns}),
        tool=asked["tool"] or path.stem,
        source=str(path),
    )
    tell(read.skipped)
    if not read.observations:
        raise InputError(
            f"{path}: no run could be read",
            "correct the lines skipped above" if read.skipped else "write one line per run below the header",
        )
    return list(labels.add_length(read, genome_lengths(project, asked["genome"])).observations)


def _tool(config: Config | None, observations: Sequence[Observation], named: str | None) -> str:
    tools = sorted({one.tool for one in observations})
    if named:
        return named
    if config is not None and config.pipeline.tool in tools:
        return config.pipeline.tool
    if len(tools) > 1:
        raise InputError(f"the history has jobs of {', '.join(tools)}", "choose one: --tool NAME")
    return tools[0] if tools else "this project"


def _site(project: ProjectFolder, config: Config | None, named: str | None) -> Site | None:
    from planner import site as sites

    if named:
        return sites.load(named)
    return None if config is None else load_site(project, config)


def largest_node_mb(history: History, asked: dict[str, Any]) -> float | None:
    """Return the most that a request may be, MiB; None where no node is known yet."""
    given: int | None = asked["mem_mb"]
    if given is not None:
        return given
    return None if history.site is None else history.site.cap_mb(_partition_name(history, asked))


def _partition_name(history: History, asked: dict[str, Any]) -> str | None:
    if asked["partition"] or asked["site_name"] or history.config is None:
        named: str | None = asked["partition"]
        return named
    return history.config.submit.partition


def target(history: History, work: Workload, asked: dict[str, Any]) -> Target:
    """Return the nodes to replay on: the site's, with what the command line says instead.

    Raises
    ------
    InputError
        When no memory is known, or the site has no node for the largest job.
    """
    from planner.plan.document import Target

    mem_mb: int | None = asked["mem_mb"]
    site = history.site or _given(mem_mb, work)
    chosen = _partition(site, history, work, asked, any_size=mem_mb is not None)
    changed: dict[str, Any] = {"nodes": asked["nodes"], "cores": asked["cpus"], "mem_mb": mem_mb}
    changed = {name: value for name, value in changed.items() if value is not None}
    if mem_mb is not None:
        changed["headroom_mb"] = 0
    most = None if history.config is None else history.config.submit.max_running
    return Target(site=site, partition=chosen.model_copy(update=changed), account=None, max_running=most)


def _partition(site: Site, history: History, work: Workload, asked: dict[str, Any], *, any_size: bool) -> Partition:
    name = _partition_name(history, asked)
    if name is not None:
        return site.partition(name)
    if any_size:
        return next((one for one in site.partitions if one.default), site.partitions[0])
    largest = max(work.jobs, key=lambda job: job.peak_mb)
    return site.choose(math.ceil(largest.peak_mb), max(job.cpus for job in work.jobs), task=f"job {largest.name}")


def _given(mem_mb: int | None, work: Workload) -> Site:
    """Return the nodes of the command line as a site: one, whose cores are no limit, unless it says otherwise."""
    import datetime

    from planner.site import Partition, Site

    largest = max(job.peak_mb for job in work.jobs)
    if mem_mb is None:
        raise InputError(
            "there is no chromplan.toml that names a site, so the nodes are not known",
            f"give --site NAME, or --mem MEM [--nodes N] [--cpus N]; the largest job used {largest:.0f} MB",
        )
    nodes = Partition(name="given", nodes=1, cores=sum(job.cpus for job in work.jobs), mem_mb=mem_mb, default=True)
    return Site(
        name="given",
        description="nodes given on the command line",
        source="command line",
        as_of=datetime.datetime.now(datetime.UTC).date(),
        partitions=(nodes,),
    )
