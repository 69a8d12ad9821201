"""Shareable histories: JSON lines of the data that a model learns from, without anything that names a person or place.

`KEPT` lists what is kept of an attempt. Names of tasks and samples, paths, job ids, times and the evidence are left
out; an attempt is identified by the kept fields, so that merging a file twice changes nothing.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from planner.core import human
from planner.core.errors import InputError
from planner.core.records import SHARED, Observation, Outcome, Quality
from planner.history.reading import identity
from planner.history.source import TextSource
from planner.history.store import Counts, Store

FORMAT = "chromplan-history-1"
KEPT = ("tool", "chromosome", "features", "peak_mb", "limit_mb", "wall_s", "outcome", "quality", "cpus")

_PLAIN_NAME = re.compile(r"[A-Za-z0-9_.+-]+")
_NUMBERS = ("peak_mb", "limit_mb", "wall_s")


def dumps(observations: Iterable[Observation]) -> Iterator[str]:
    """Return the lines of a file: a header line, then one per attempt."""
    yield json.dumps({"format": FORMAT, "kept": KEPT}) + "\n"
    for observation in observations:
        yield _line(observation) + "\n"


def _line(observation: Observation) -> str:
    kept: dict[str, Any] = {name: getattr(observation, name) for name in KEPT}
    # a tool's name is one word; it may be a folder's name if nothing else gave it
    kept["tool"] = next(iter(_PLAIN_NAME.findall(observation.tool.rpartition("/")[2])), "unknown")
    if observation.chromosome not in human.CHROMOSOMES:
        kept["chromosome"] = ""
    kept["features"] = {name: value for name, value in observation.features.items() if _PLAIN_NAME.fullmatch(name)}
    return json.dumps(kept, sort_keys=True, allow_nan=False)


def loads(source: TextSource) -> list[Observation]:
    """Read a file written by `dumps`.

    Raises
    ------
    InputError
        When it is another kind of file, was cut, or has an impossible value; names file, line and field.
    """
    lines = source.lines()
    if _parsed(next(lines, ""), source, 1).get("format") != FORMAT:
        raise InputError(f"{source.name}, line 1: not an exported history", "'chromplan history export' writes one")
    found: list[Observation] = []
    copies: Counter[str] = Counter()
    for number, line in enumerate(lines, start=2):
        kept = _parsed(line, source, number)
        try:
            found.append(_observation(kept, copies))
        except (KeyError, TypeError, ValueError) as error:
            said = f"{error.args[0]}: missing" if isinstance(error, KeyError) else str(error)
            raise InputError(f"{source.name}, line {number}: {said}", "nothing of the file was used") from None
    return found


def merge(store: Store, observations: Iterable[Observation]) -> Counts:
    """Add shared attempts to a history, except those it has already, such as its own that were exported before."""
    copies: Counter[str] = Counter()
    own = {_identity(_line(one), copies) for one in store.observations() if one.source != SHARED}
    found = list(observations)
    counts = store.add([one for one in found if one.job_id not in own])
    known = sum(one.job_id in own for one in found)
    return Counts(new=counts.new, updated=counts.updated, unchanged=counts.unchanged + known)


def _identity(line: str, copies: Counter[str]) -> str:
    copies[line] += 1
    return identity(SHARED, line, str(copies[line]))


def _parsed(line: str, source: TextSource, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not line.endswith("\n"):
        raise InputError(
            f"{source.name}, line {number}: not a whole line of an exported history", "nothing of the file was used"
        )
    return found


def _observation(kept: dict[str, Any], copies: Counter[str]) -> Observation:
    for name in _NUMBERS:
        if kept[name] is not None and not (isinstance(kept[name], int | float) and kept[name] >= 0):
            raise ValueError(f"{name}: not a size or a time: {kept[name]!r}")
    features = {str(name): float(value) for name, value in dict(kept["features"]).items()}
    observation = Observation(
        tool=str(kept["tool"]),
        task="",
        sample="",
        chromosome=str(kept["chromosome"]),
        features=features,
        peak_mb=kept["peak_mb"],
        limit_mb=None if kept["limit_mb"] is None else round(kept["limit_mb"]),
        wall_s=kept["wall_s"],
        outcome=Outcome(kept["outcome"]),
        quality=Quality(kept["quality"]),
        job_id="",
        submit_s=0,
        cpus=max(int(kept["cpus"]), 1),
        source=SHARED,
    )
    line = _line(observation)
    job_id = _identity(line, copies)
    task = f"chr{observation.chromosome}" if observation.chromosome else job_id.replace(":", "-")
    return replace(observation, job_id=job_id, task=task)
