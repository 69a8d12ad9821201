"""Predictions for past attempts, each by a model that was fitted without the outcome of that attempt.

Attempts of one sample (of one task, if there is only one sample) resemble each other, so they are left out together.
Otherwise a model would be tested on what it was trained on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

import numpy as np

from planner.core import levels
from planner.core.errors import InputError
from planner.core.records import Observation
from planner.core.retry import DOUBLE, Retry
from planner.core.sampling import POLL_S
from planner.memory.fitting import fit
from planner.memory.model import MemoryModel, Prediction
from planner.memory.rows import training

FOLDS = 10
T = TypeVar("T")
# A model is refitted once the evidence has grown by this share: fits of thousands of rows take seconds.
_GROWN = 1.05


class Evidence(StrEnum):
    """The attempts that another attempt may be predicted from."""

    OTHERS = "others"  # everything but its own sample
    EARLIER = "earlier"  # attempts that had ended before its sample was submitted


@dataclass(frozen=True, kw_only=True, slots=True)
class HeldOut:
    """A past attempt, and its held-out prediction.

    Attributes
    ----------
    observation : Observation
        Completed, with a peak that can be trusted.
    prediction : Prediction or None
        None when there was no evidence.
    retry : Retry
        The model's requests after a kill.
    """

    observation: Observation
    prediction: Prediction | None = None
    retry: Retry = DOUBLE


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """How to fit and to predict.

    Attributes
    ----------
    level : float or None
        Coverage of the requests; None weighs waste against failure.
    cap_mb : float or None
        Largest request that the site allows, MiB.
    poll_s : float
        The site's sampling interval, s.
    seed : int
        Decides the folds.
    times : bool
        Whether run times are predicted, too.
    most_rows : int or None
        Most attempts to learn from, drawn at random: a fit of thousands takes seconds.
    """

    tool: str
    feature_names: tuple[str, ...]
    level: float | None = None
    cap_mb: float | None = None
    poll_s: float = POLL_S
    seed: int = 0
    times: bool = True
    most_rows: int | None = None


def predict(
    observations: Iterable[Observation],
    asked: Asked,
    *,
    evidence: Evidence = Evidence.OTHERS,
    wanted: Callable[[Observation], bool] = lambda _: True,
    report: Callable[[float], None] = lambda _: None,
) -> tuple[list[HeldOut], dict[str, int]]:
    """Predict past attempts, each from evidence without its own outcome.

    Parameters
    ----------
    observations : iterable of Observation
        In any order. Attempts that do not train a model (killed for memory, failed, without a peak) are neither learnt
        from nor predicted.
    evidence : Evidence
        ``OTHERS`` takes up to `FOLDS` groups of samples and predicts each from the other groups; ``EARLIER`` goes
        through the samples in the order of submission.
    wanted : callable
        Whether to predict an attempt; the others are evidence only.
    report : callable
        Called with the share done, 0..1.

    Returns
    -------
    list of HeldOut
        The predicted attempts, oldest first.
    dict of str to int
        How many attempts of the tool were left out, by reason.

    Raises
    ------
    InputError
        With ``EARLIER``, when a record does not say when the attempt was submitted.
    """
    kept, skipped = training(observations, tool=asked.tool, feature_names=asked.feature_names, poll_s=asked.poll_s)
    parts = _folds(kept, asked.seed) if evidence is Evidence.OTHERS else _in_time(kept)
    found: dict[int, HeldOut] = {}
    model: MemoryModel | None = None
    grown_to = 0.0
    said: dict[tuple[float | str | None, ...], HeldOut] = {}
    for number, (part, known) in enumerate(parts):
        chosen = [row for row in part if wanted(kept[row])]
        if chosen and (evidence is Evidence.OTHERS or len(known) >= grown_to):
            model = _fit([kept[row] for row in drawn(known, asked)], asked)
            grown_to = _GROWN * len(known) + 1
            said = {}
        for row in chosen:
            alike = tuple(levels.value(kept[row].features, name) for name in asked.feature_names)
            if alike not in said:
                said[alike] = _held_out(kept[row], model, asked)
            found[row] = replace(said[alike], observation=kept[row])
        report((number + 1) / len(parts))
    return [found[row] for row in sorted(found)], skipped


def _fit(rows: Sequence[Observation], asked: Asked) -> MemoryModel | None:
    if not rows:
        return None
    # these rows are trusted already
    return fit(rows, tool=asked.tool, feature_names=asked.feature_names, seed=asked.seed, poll_s=0.0, times=asked.times)


def drawn(rows: Sequence[T], asked: Asked) -> list[T]:
    """Return the rows to learn from, in their order: all, or at most ``most_rows``."""
    if asked.most_rows is None or len(rows) <= asked.most_rows:
        return list(rows)
    places = np.random.default_rng(asked.seed).choice(len(rows), asked.most_rows, replace=False)
    return [rows[place] for place in sorted(places.tolist())]


def _held_out(row: Observation, model: MemoryModel | None, asked: Asked) -> HeldOut:
    if model is None:
        return HeldOut(observation=row)
    prediction = model.predict(row.features, level=asked.level, cap_mb=asked.cap_mb)
    return HeldOut(observation=row, prediction=prediction, retry=model.retry())


def _groups(kept: Sequence[Observation]) -> list[list[int]]:
    """Return rows grouped by sample; by task if there is one sample, and one by one if there is one task."""
    for name in ("sample", "task"):
        groups: dict[str, list[int]] = {}
        for row, observation in enumerate(kept):
            groups.setdefault(getattr(observation, name), []).append(row)
        if len(groups) > 1:
            return list(groups.values())
    return [[row] for row in range(len(kept))]


def _folds(kept: Sequence[Observation], seed: int) -> list[tuple[list[int], list[int]]]:
    """Return (rows to predict, rows to learn from), up to `FOLDS` times."""
    groups = _groups(kept)
    if not groups:
        return []
    order = np.random.default_rng(seed).permutation(len(groups))
    parts = [[row for group in part for row in groups[group]] for part in np.array_split(order, min(FOLDS, len(order)))]
    return [(part, sorted(row for other in parts if other is not part for row in other)) for part in parts]


def _in_time(kept: Sequence[Observation]) -> list[tuple[list[int], list[int]]]:
    """Return (rows of a sample, rows that had ended when it was submitted), first submitted first."""
    undated = next((row for row in kept if row.submit_s <= 0), None)
    if undated is not None:
        raise InputError(
            f"the history does not say when task {undated.task} was submitted",
            "without times, each job can only be predicted from the others: --evidence others",
        )
    end_s = [row.end_s if row.end_s is not None else row.submit_s + (row.wall_s or math.inf) for row in kept]
    parts = sorted(_groups(kept), key=lambda part: min(kept[row].submit_s for row in part))
    found = []
    for part in parts:
        submitted_s = min(kept[row].submit_s for row in part)
        found.append((part, [row for row in range(len(kept)) if end_s[row] <= submitted_s]))
    return found
