"""Which mode suits a site and a workload, and why."""

from __future__ import annotations

from collections.abc import Sequence

from planner.core import units
from planner.core.config import Config
from planner.core.errors import InputError
from planner.core.modes import AUTO, Mode
from planner.core.wording import count
from planner.plan.document import Target
from planner.plan.hetero import node_types, refuse
from planner.plan.overheads import batch_mb
from planner.plan.placing import Placed, place
from planner.plan.requests import SizedTask
from planner.site import Partition, Site

# a heterogeneous job waits until all its nodes are free at once: it must save at least this share
MUCH_SOONER = 0.7

# up to this many tasks an array saves no call, as it has to be updated, checked and released
FEW_TASKS = 3


def choose_mode(config: Config, target: Target, sized: Sequence[SizedTask]) -> tuple[Mode, list[str]]:
    """Return the mode: the configured one, a replacement that the site allows, or for ``auto`` a suitable one."""
    if config.submit.mode == AUTO:
        mode, why = choose(sized, target.site, target.partition, wrapped=config.wrap is not None)
        return mode, [f"mode {mode}: {why}"]
    wanted = Mode(config.submit.mode)
    if config.wrap and wanted not in (Mode.ARRAY, Mode.TIERS, Mode.JOBS):
        raise InputError(
            f"a wrapped script is a job of its own: it cannot run in mode {wanted}", "use array, tiers or jobs"
        )
    if wanted is not Mode.ARRAY:
        return wanted, []
    if _shares_whole_nodes(sized, target.site, target.partition, wrapped=config.wrap is not None):
        return Mode.PACKED, [f"site {target.site.name} gives whole nodes: mode packed instead of a node per task"]
    refused = why_no_array(target.site)
    return (Mode.TIERS, [f"{refused}: tiers instead of one array"]) if refused else (wanted, [])


def try_het(
    config: Config, sized: Sequence[SizedTask], target: Target, chosen: tuple[Mode, Placed, list[str]]
) -> tuple[Mode, Placed, list[str]]:
    """Return a heterogeneous job if it ends much sooner, as smaller nodes are used too; otherwise the chosen mode."""
    mode, placed, notes = chosen
    if placed.makespan_s is None or mode not in (Mode.ARRAY, Mode.TIERS):
        return chosen
    try:
        het = place(sized, target, Mode.HET, allowed_types(config, target.site), config.submit)
    except InputError:
        return chosen
    kinds = {batch.partition.name for batch in het.batches if batch.partition}
    if len(kinds) < 2 or het.makespan_s is None or het.makespan_s > MUCH_SOONER * placed.makespan_s:
        return chosen
    spans = [units.format_duration(round(span_s)) for span_s in (het.makespan_s, placed.makespan_s)]
    together = " and ".join(sorted(kinds))
    why = f"nodes of {together} end in {spans[0]} together, those of {target.partition.name} alone in {spans[1]}"
    return Mode.HET, het, [f"mode het: {why}", *notes[1:]]


def allowed_types(config: Config, site: Site) -> list[Partition]:
    """Return the node types that a heterogeneous job may use here.

    Raises
    ------
    InputError
        When such jobs do not start at the site.
    """
    refuse(site)
    return node_types(site, config.submit.partition, config.submit.qos)


def choose(sized: Sequence[SizedTask], site: Site, partition: Partition, *, wrapped: bool) -> tuple[Mode, str]:
    """Return a mode and the reason for it, from the site's limits and the number of tasks.

    Parameters
    ----------
    partition : Partition
        The partition in which the largest task fits.
    wrapped : bool
        Whether the tasks are those of an existing script, which cannot be steps.
    """
    if _shares_whole_nodes(sized, site, partition, wrapped=wrapped):
        return Mode.PACKED, f"site {site.name} gives whole nodes: the tasks share them as steps"
    if not wrapped and site.most_queued is not None and len(sized) > site.most_queued and _steps_fit(sized, partition):
        few = f"{count(len(sized), 'task')}, and site {site.name} takes {site.most_queued} jobs at once"
        return Mode.PACKED, f"{few}: as steps of few jobs they all go out"
    if len(sized) <= FEW_TASKS:
        return Mode.JOBS, f"only {count(len(sized), 'task')}: a job for each, with exactly what it needs"
    refused = why_no_array(site)
    if refused:
        return Mode.TIERS, f"{refused}: an array per memory tier"
    return Mode.ARRAY, f"{count(len(sized), 'task')} in one submission, each element with its own memory"


def why_no_array(site: Site) -> str | None:
    """Return why the elements of an array cannot have memory of their own at a site, or None when they can."""
    if site.mem_policy != "mem":
        return f"site {site.name} takes no --mem ({site.mem_policy})"
    return None if site.job_updates else f"site {site.name} forbids changing pending jobs"


def _shares_whole_nodes(sized: Sequence[SizedTask], site: Site, partition: Partition, *, wrapped: bool) -> bool:
    return site.mem_policy == "whole_node" and not wrapped and _steps_fit(sized, partition)


def _steps_fit(sized: Sequence[SizedTask], partition: Partition) -> bool:
    return max((one.mem_mb for one in sized), default=0) + batch_mb(1) <= partition.cap_mb
