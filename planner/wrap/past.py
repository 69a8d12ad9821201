"""Earlier runs of a script, from the user's other chromplan runs and from Slurm's accounting under its job name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner import slurm
from planner.core.errors import PlannerError
from planner.core.job_ids import parse_job_id
from planner.core.records import Observation
from planner.core.user_scripts import Element
from planner.history import labels
from planner.history.reading import HistoryRead
from planner.history.sacct import read as sacct
from planner.history.store import Store
from planner.project.folder import ProjectFolder
from planner.wrap import together

# how many of the latest runs are checked for newly ended tasks
_MOST_RUNS = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class EarlierJobs:
    """A selection of a user's earlier jobs.

    Attributes
    ----------
    name : str
        The job name.
    since : str
        As ``sacct -S`` takes it.
    cluster : str, optional
        The cluster they ran on, if not this machine's.
    folder : Path, optional
        Only jobs submitted from this folder, as many scripts share a job name such as ``run.sh``.
    """

    name: str
    since: str
    cluster: str | None = None
    folder: Path | None = None


def from_accounting(
    jobs: EarlierJobs, elements: Sequence[Element], *, tool: str, poll_s: float, lengths_bp: Mapping[str, int]
) -> list[Observation]:
    """Return the ended elements of earlier jobs: one bounded sacct call.

    Parameters
    ----------
    poll_s : float
        How often the site samples memory, s.

    Raises
    ------
    FailureError
        When sacct does not answer.
    """
    argv = sacct.arguments(names=[jobs.name], start=jobs.since, end="now")
    text = slurm.run(argv, environment=sacct.ENVIRONMENT, cluster=jobs.cluster)
    read = sacct.read_text(text, poll_s=poll_s)
    by_index = {element.index: element for element in elements}
    found = []
    for attempt in read.attempts:
        element = by_index.get(parse_job_id(attempt.job_id).index or 0)
        elsewhere = jobs.folder is not None and Path(attempt.work_dir) != jobs.folder
        if attempt.outcome is None or attempt.name != jobs.name or element is None or elsewhere:
            continue
        found.append(
            sacct.observe(
                attempt,
                tool=tool,
                task=element.task,
                sample=element.sample,
                chromosome=element.chromosome,
                features=labels.length_of(element.span),
            )
        )
    return list(labels.add_length(HistoryRead(observations=tuple(found), skipped=()), lengths_bp).observations)


def catch_up(projects: Sequence[ProjectFolder], store: Store, *, tool: str) -> None:
    """Record the tasks of a tool's other runs that have ended since those runs were last looked at.

    A run that cannot be read is skipped.
    """
    together.look([project for project in projects[-_MOST_RUNS:] if _is_of(project, tool)], store)


def _is_of(project: ProjectFolder, tool: str) -> bool:
    try:
        return project.config().pipeline.tool == tool and bool(project.round_numbers())
    except PlannerError:
        return False
