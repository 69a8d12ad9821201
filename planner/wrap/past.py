"""What a wrapped script used before: in Slurm's accounting under its job name, and in its other wrapped projects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from planner import slurm
from planner.core.records import Observation
from planner.core.units import parse_job_id
from planner.history import labels
from planner.history.reading import HistoryRead
from planner.history.sacct import read as sacct
from planner.history.store import Store
from planner.project.folder import ProjectFolder
from planner.rounds import ingest
from planner.wrap.elements import WrappedElement


def from_accounting(
    job_name: str,
    elements: Sequence[WrappedElement],
    *,
    tool: str,
    since: str,
    poll_s: float,
    lengths_bp: Mapping[str, int],
    cluster: str | None = None,
) -> list[Observation]:
    """Return the ended elements of earlier arrays of that name: one bounded sacct call.

    Parameters
    ----------
    since : str
        As ``sacct -S`` takes it.
    poll_s : float
        How often the site samples memory, s.
    cluster : str, optional
        Where the arrays ran, if not on this machine's cluster.

    Raises
    ------
    FailureError
        When sacct does not answer.
    """
    argv = sacct.arguments(names=[job_name], start=since, end="now")
    text = slurm.run(argv, environment=sacct.ENVIRONMENT, cluster=cluster)
    read = sacct.read_text(text, poll_s=poll_s)
    by_index = {element.index: element for element in elements}
    found = []
    for attempt in read.attempts:
        index = parse_job_id(attempt.job_id).index
        if attempt.outcome is None or attempt.name != job_name or index not in by_index:
            continue
        element = by_index[index]
        found.append(
            sacct.observe(attempt, tool=tool, task=element.task, sample=element.sample, chromosome=element.chromosome)
        )
    return list(labels.add_length(HistoryRead(observations=tuple(found), skipped=()), lengths_bp).observations)


def from_siblings(project: ProjectFolder, *, tool: str) -> list[Observation]:
    """Return what the same script used in its other projects: with other arguments, or for other samples."""
    found: list[Observation] = []
    for folder in _siblings(project.folder):
        sibling = ProjectFolder(folder)
        if not sibling.store_path.exists() or sibling.config().pipeline.tool != tool:
            continue
        with Store.open(sibling.store_path) as store:
            ingest.ingest(sibling, store)
            found += store.observations(tool=tool)
    return found


def _siblings(folder: Path) -> list[Path]:
    return [path.parent for path in sorted(folder.parent.glob("*/chromplan.toml")) if path.parent != folder]
