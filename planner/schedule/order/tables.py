"""Tables of precomputed orders: reading and writing planner/data/orders_*.json, and looking an order up.

``python -m benchmarks.tables.order_tables`` makes the files.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from planner.schedule.order.problem import LEAST_EPS, Model, Objective, Problem

VERSION = 1


@dataclass(frozen=True, kw_only=True)
class TabledOrder:
    """One precomputed order; memories and durations are chromosome lengths in Mb.

    Attributes
    ----------
    model : Model
    objective : Objective
    eps : float or None
        For ``PEAK_EPS``.
    slots : int or None
        None when a cap is the limit.
    cap : float or None
        The memory cap.
    order : tuple of str
        Chromosomes by plain name.
    peak, makespan, best_makespan : float
    lower_bound : float
        On the objective.
    proved : bool
        Whether no order is better, to one part in a million.
    """

    model: Model
    objective: Objective
    eps: float | None
    slots: int | None
    cap: float | None
    order: tuple[str, ...]
    peak: float
    makespan: float
    best_makespan: float
    lower_bound: float
    proved: bool

    @property
    def value(self) -> float:
        """The value of the objective."""
        return self.makespan if self.objective is Objective.MAKESPAN else self.peak


def loads(text: str) -> list[TabledOrder]:
    """Read a table."""
    document = json.loads(text)
    if document["version"] != VERSION:
        raise ValueError(f"version {document['version']} of the order table, expected {VERSION}")
    return [
        TabledOrder(
            **{
                **row,
                "model": Model(row["model"]),
                "objective": Objective(row["objective"]),
                "order": tuple(row["order"].split()),
            }
        )
        for row in document["orders"]
    ]


def dumps(genome: str, entries: Iterable[TabledOrder]) -> str:
    """Write a table, one order per line."""
    rows = [json.dumps({**asdict(entry), "order": " ".join(entry.order)}) for entry in entries]
    head = f'{{\n"version": {VERSION},\n"genome": {json.dumps(genome)},\n"unit": "Mb",\n"orders": [\n'
    return head + ",\n".join(rows) + "\n]\n}\n"


def lookup(entries: Iterable[TabledOrder], names: Sequence[str], problem: Problem) -> TabledOrder | None:
    """Return the order for exactly these chromosomes and limits; None when there is none."""
    by_slots = problem.slots_only
    if problem.cores is not None or (not by_slots and problem.slots is not None):
        return None
    asked = (
        problem.model,
        problem.objective,
        eps_of(problem),
        problem.slot_count if by_slots else None,
        problem.cap_mb,
    )
    for entry in entries:
        limits = (entry.model, entry.objective, entry.eps, entry.slots, entry.cap)
        if limits == asked and sorted(entry.order) == sorted(names):
            return entry
    return None


def orders_of(entries: Iterable[TabledOrder], names: Sequence[str]) -> list[list[int]]:
    """Return every different order of just these chromosomes, as indices into ``names``, to start a search from."""
    rank = {name: index for index, name in enumerate(names)}
    found = {entry.order for entry in entries if sorted(entry.order) == sorted(names)}
    return [[rank[name] for name in order] for order in sorted(found)]


def eps_of(problem: Problem) -> float | None:
    """Return the eps that an order is tabled under; None where the objective has none."""
    if problem.objective is not Objective.PEAK_EPS:
        return None
    return max(problem.eps, LEAST_EPS)
