"""Orders computed beforehand: the text of planner/data/orders_*.json, and looking one up."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from planner.schedule.orderproblem import Model, Objective

VERSION = 1
# The eps of the entries for `Objective.PEAK_EPS`.
EPS = 0.02


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One precomputed order; memories and durations are chromosome lengths in Mb.

    Attributes
    ----------
    chromosomes : str
        Which set: ``1-22`` or ``1-22,X,Y``.
    workers : int or None
        K; None when a cap is the limit.
    cap : float or None
        The memory cap, Mb.
    order : tuple of str
        Chromosomes by plain name.
    lower_bound : float
        On the objective.
    proved : bool
        Whether no order is better, to one part in a million.
    """

    chromosomes: str
    model: Model
    objective: Objective
    workers: int | None
    cap: float | None
    order: tuple[str, ...]
    peak: float
    makespan: float
    best_makespan: float
    lower_bound: float
    proved: bool


def loads(text: str) -> list[Entry]:
    """Read a table."""
    document = json.loads(text)
    if document["version"] != VERSION:
        raise ValueError(f"version {document['version']} of the order table, expected {VERSION}")
    return [
        Entry(
            **{
                **row,
                "model": Model(row["model"]),
                "objective": Objective(row["objective"]),
                "order": tuple(row["order"].split()),
            }
        )
        for row in document["orders"]
    ]


def dumps(genome: str, entries: Iterable[Entry]) -> str:
    """Write a table, one order per line."""
    rows = [json.dumps({**asdict(entry), "order": " ".join(entry.order)}) for entry in entries]
    head = f'{{\n"version": {VERSION},\n"genome": {json.dumps(genome)},\n"eps": {EPS},\n"orders": [\n'
    return head + ",\n".join(rows) + "\n]\n}\n"


def lookup(
    entries: Iterable[Entry], names: Sequence[str], *, model: Model, objective: Objective, workers: int
) -> Entry | None:
    """Return the order for just these chromosomes on K slots; None when there is none."""
    for entry in entries:
        asked = (entry.workers, entry.model, entry.objective) == (workers, model, objective)
        if asked and sorted(entry.order) == sorted(names):
            return entry
    return None


def orders_of(entries: Iterable[Entry], names: Sequence[str]) -> list[list[int]]:
    """Return every different order of just these chromosomes, as indices into ``names``, to start a search from."""
    rank = {name: index for index, name in enumerate(names)}
    found = {entry.order for entry in entries if sorted(entry.order) == sorted(names)}
    return [[rank[name] for name in order] for order in sorted(found)]
