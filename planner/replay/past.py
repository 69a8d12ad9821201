"""Past attempts as jobs that can be replayed."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from planner.core import human
from planner.core.margins import PEAK_MARGIN
from planner.core.records import Observation
from planner.core.retry import DOUBLE, Retry
from planner.memory.heldout import HeldOut
from planner.schedule.dynamic.simulator import Case
from planner.schedule.dynamic.state import Work

NO_TIME = "no run time recorded"
# attempts of a job for which it is drawn when they reach their peak; later ones take the last draw
ATTEMPTS = 12


@dataclass(frozen=True, kw_only=True, slots=True)
class PastJob:
    """A past job: what it used, which strategies do not see, and what was known before it ran.

    Attributes
    ----------
    peak_mb, wall_s : float
        Peak memory, MiB, and run time, s.
    request_mb : int or None
        The request that chromplan would have made, MiB; None when nothing was known before.
    predicted_mb, predicted_s : float or None
        Predicted peak, MiB, and run time, s.
    retry : Retry
        Requests after kills.
    length_mb : float or None
        Length of its chromosome, Mb, if that is a feature.
    recorded_mb : int or None
        The limit it actually ran under, MiB.
    """

    name: str
    peak_mb: float
    wall_s: float
    cpus: int = 1
    request_mb: int | None = None
    predicted_mb: float | None = None
    predicted_s: float | None = None
    retry: Retry = DOUBLE
    length_mb: float | None = None
    recorded_mb: int | None = None

    def retry_mb(self, killed_mb: float) -> float:
        """Return chromplan's request after a kill, MiB."""
        return self.retry.after(killed_mb)


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """Jobs in order of submission, and the requests of users without a planner.

    Attributes
    ----------
    uniform_mb : int
        The one ``--mem`` for all, MiB; also used when nothing is known.
    first_mb : int
        The low first guess of retries, MiB.
    """

    jobs: tuple[PastJob, ...]
    uniform_mb: int
    first_mb: int

    @property
    def used_mb_s(self) -> float:
        """Memory x time that the jobs need, MiB s: each its peak for as long as it runs."""
        return sum(job.peak_mb * job.wall_s for job in self.jobs)

    @property
    def unknown(self) -> int:
        """Number of jobs of which nothing was known."""
        return sum(job.request_mb is None for job in self.jobs)

    @property
    def recorded(self) -> bool:
        """Whether every job's own limit is recorded."""
        return all(job.recorded_mb for job in self.jobs)

    def case(self, rng: np.random.Generator) -> Case:
        """Return the true course of the jobs; it is drawn when each attempt reaches its peak."""
        return Case(
            works=self.works(),
            true_mb=tuple(job.peak_mb for job in self.jobs),
            wall_s=tuple(job.wall_s for job in self.jobs),
            peak_at=tuple(tuple(row) for row in rng.random((len(self.jobs), ATTEMPTS)).tolist()),
        )

    def works(self) -> tuple[Work, ...]:
        """Return the jobs as the dynamic scheduler sees them, numbered from the largest down."""
        sizes = self._sizes()
        rank = {size: number for number, size in enumerate(sorted(set(sizes), reverse=True), start=1)}
        return tuple(
            Work(
                name=job.name,
                size=size,
                position=rank[size],
                cpus=job.cpus,
                predicted_mb=job.predicted_mb,
                predicted_s=job.predicted_s,
                tested=True,  # by the history that predicts it
            )
            for job, size in zip(self.jobs, sizes, strict=True)
        )

    def _sizes(self) -> list[float]:
        """Return the sizes of the jobs: their predicted peaks, otherwise their lengths, otherwise all the same."""
        for name in ("predicted_mb", "length_mb"):
            sizes = [getattr(job, name) for job in self.jobs]
            if all(sizes):
                return sizes
        return [1.0] * len(self.jobs)


def workload(
    found: Iterable[HeldOut], *, uniform_mb: int | None = None, first_mb: int | None = None
) -> tuple[Workload | None, dict[str, int]]:
    """Return the jobs that can be replayed, and how many cannot, by reason.

    Parameters
    ----------
    uniform_mb : int, optional
        By default 1.1 times the largest peak.
    first_mb : int, optional
        By default 1.1 times the median peak.

    Returns
    -------
    Workload or None
        None when no job is left.
    """
    every = list(found)
    timed = [one for one in every if one.observation.wall_s]
    left_out = {NO_TIME: len(every) - len(timed)} if len(timed) < len(every) else {}
    if not timed:
        return None, left_out
    timed.sort(key=lambda one: _natural(one.observation))
    peaks = [one.observation.peak_mb or 0.0 for one in timed]
    return (
        Workload(
            jobs=tuple(_job(name, one) for name, one in zip(_names(timed), timed, strict=True)),
            uniform_mb=uniform_mb or _with_margin(max(peaks)),
            first_mb=first_mb or _with_margin(statistics.median(peaks)),
        ),
        left_out,
    )


def _with_margin(mb: float) -> int:
    return max(1, round(PEAK_MARGIN * mb))


def _natural(row: Observation) -> tuple[int, str, int, str, str]:
    """Return a sort key for the order in which people submit: by sample, then from chromosome 1 on."""
    return (row.submit_s, row.sample, human.rank(row.chromosome), row.task, row.job_id)


def _names(found: Sequence[HeldOut]) -> list[str]:
    """Return the names of the tasks, numbered where a task ran more than once."""
    tasks = [one.observation.task for one in found]
    often, seen = Counter(tasks), Counter[str]()
    names = []
    for task in tasks:
        seen[task] += 1
        names.append(f"{task}#{seen[task]}" if often[task] > 1 else task)
    return names


def _job(name: str, one: HeldOut) -> PastJob:
    row, prediction = one.observation, one.prediction
    return PastJob(
        name=name,
        peak_mb=row.peak_mb or 0.0,
        wall_s=row.wall_s or 0.0,
        cpus=row.cpus,
        request_mb=None if prediction is None else prediction.request_mb,
        predicted_mb=None if prediction is None else prediction.point_mb,
        predicted_s=None if prediction is None else prediction.wall_s,
        retry=one.retry,
        length_mb=row.features.get("length_mb"),
        recorded_mb=row.limit_mb,
    )


def first_mb(job: PastJob, work: Workload) -> int:
    """Return the first request of a job, MiB: its own, or the workload's one for all where none is known."""
    return work.uniform_mb if job.request_mb is None else job.request_mb


def expected_s(jobs: Sequence[PastJob]) -> list[float]:
    """Return expected run times; all equal if one is unknown."""
    expected = [job.predicted_s for job in jobs]
    return [one or 1e-9 for one in expected] if all(one is not None for one in expected) else [1.0] * len(jobs)
