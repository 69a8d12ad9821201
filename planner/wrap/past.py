"""What a script used before: in the user's other runs of it, and in Slurm's accounting under its job name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from planner import slurm
from planner.core.config import Element
from planner.core.errors import PlannerError
from planner.core.records import Observation
from planner.core.units import parse_job_id
from planner.history import labels
from planner.history.reading import HistoryRead
from planner.history.sacct import read as sacct
from planner.history.store import Store
from planner.project.folder import ProjectFolder
from planner.rounds import ingest

# runs that are looked at for what has ended since, the latest
_MOST_RUNS = 20


def from_accounting(
    job_name: str,
    elements: Sequence[Element],
    *,
    tool: str,
    since: str,
    poll_s: float,
    lengths_bp: Mapping[str, int],
    cluster: str | None = None,
    folder: Path | None = None,
) -> list[Observation]:
    """Return the ended elements of earlier jobs of that name: one bounded sacct call.

    Parameters
    ----------
    since : str
        As ``sacct -S`` takes it.
    poll_s : float
        How often the site samples memory, s.
    cluster : str, optional
        Where the arrays ran, if not on this machine's cluster.
    folder : Path, optional
        Only jobs that were submitted from there: a job name such as ``run.sh`` is many scripts'.

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
        element = by_index.get(parse_job_id(attempt.job_id).index or 0)
        elsewhere = folder is not None and Path(attempt.work_dir) != folder
        if attempt.outcome is None or attempt.name != job_name or element is None or elsewhere:
            continue
        found.append(
            sacct.observe(attempt, tool=tool, task=element.task, sample=element.sample, chromosome=element.chromosome)
        )
    return list(labels.add_length(HistoryRead(observations=tuple(found), skipped=()), lengths_bp).observations)


def catch_up(projects: Iterable[ProjectFolder], store: Store, *, tool: str) -> int:
    """Record what has ended in other runs of a tool since they were looked at; return how many attempts.

    A run that cannot be read teaches nothing, and hinders nothing.
    """
    recorded = 0
    for project in list(projects)[-_MOST_RUNS:]:
        try:
            if project.config().pipeline.tool == tool and project.round_numbers():
                recorded += len(ingest.ingest(project, store).observations)
        except PlannerError:
            continue
    return recorded
