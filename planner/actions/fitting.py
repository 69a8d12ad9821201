"""Fitting a memory model: from a project's history, or from any rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.core.config import Config
    from planner.core.records import Observation
    from planner.memory.model import MemoryModel


def feature_names(config: Config | None, tool: str, observations: Sequence[Observation]) -> tuple[str, ...]:
    """Return the features of the pipeline that runs the tool, else those that every attempt to learn from has."""
    from planner.memory.rows import trains

    if config is not None and config.pipeline.tool == tool:
        return tuple(config.features)
    known = [set(row.features) for row in observations if not trains(row, poll_s=0)]
    return tuple(sorted(set.intersection(*known))) if known else ()


def fit(
    rows: Iterable[Observation],
    features: Sequence[str],
    *,
    tool: str | None = None,
    seed: int = 0,
    poll_s: float | None = None,
) -> MemoryModel:
    """Fit the memory model of one tool.

    Parameters
    ----------
    rows : iterable of Observation
        As `read_sacct`, `read_table` or a project's history give them.
    features : sequence of str
        Names of the features to predict from; a row that lacks one is not learnt from.
    tool : str, optional
        Which tool's rows; needed where there are several.
    seed : int
        Decides the folds by which the form of the model is chosen.
    poll_s : float, optional
        How often the site reads a job's memory, s: what a sampled peak is worth.

    Returns
    -------
    MemoryModel
        ``model.predict({"length_mb": 249.0})`` says what a task needs and what to ask for.

    Raises
    ------
    InputError
        When it is not clear which tool is meant, or no row can be learnt from: the reasons are in the message.
    """
    from planner.core.sampling import POLL_S
    from planner.memory import fitting

    found = list(rows)
    named = [tool] if tool is not None else sorted({row.tool for row in found})
    if len(named) > 1:
        raise InputError(f"the rows are of {len(named)} tools: {', '.join(named)}", "give the tool: tool='NAME'")
    if isinstance(features, str):
        raise InputError(f"features is one string, {features!r}", f"give a list of names: features=[{features!r}]")
    fitted = fitting.fit(
        found,
        tool=named[0] if named else "",
        feature_names=tuple(features),
        seed=seed,
        poll_s=POLL_S if poll_s is None else poll_s,
    )
    if not fitted.fitted:
        why = "; ".join(f"{count} {reason}" for reason, count in sorted(fitted.skipped.items())) or "there are no rows"
        raise InputError(f"nothing can be learnt from these rows: {why}", "give completed runs that have every feature")
    return fitted
