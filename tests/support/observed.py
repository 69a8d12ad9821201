"""Observations for tests of the memory models."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.beagle import DATA
from benchmarks.beagle import FEATURES as BEAGLE_FEATURES
from planner.core.records import Observation, Outcome, Quality
from planner.memory import fitting, model


def observation(number: int, peak_mb: float | None, features: Mapping[str, float], **fields: Any) -> Observation:
    """Return a completed, measured attempt unless told otherwise."""
    given: dict[str, Any] = {
        "tool": "beagle",
        "task": f"task{number}",
        "sample": "s",
        "chromosome": "1",
        "features": features,
        "peak_mb": peak_mb,
        "limit_mb": 4096,
        "wall_s": 600.0,
        "outcome": Outcome.COMPLETED,
        "quality": Quality.MEASURED,
        "job_id": str(number),
        "submit_s": 1_700_000_000 + number,
    }
    return Observation(**(given | fields))


def observations(sizes: Sequence[float], peaks_mb: Sequence[float]) -> list[Observation]:
    """Return one attempt per size, with the feature ``length_mb``."""
    pairs = zip(sizes, peaks_mb, strict=True)
    return [observation(n, peak, {"length_mb": size}) for n, (size, peak) in enumerate(pairs)]


def beagle_runs() -> list[Observation]:
    """Return the real Beagle runs under serial collection, with their eight features."""
    with (DATA / "beagle_runs.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["gc"] == "serial"]
    return [
        observation(
            number,
            float(row["peak_rss_mb"]),
            {name: float(row[name]) for name in BEAGLE_FEATURES},
            wall_s=float(row["wall_s"]),
        )
        for number, row in enumerate(rows)
    ]


def fitted() -> model.MemoryModel:
    """Return a model of memory and time that both grow with ``length_mb``."""
    measured = [
        observation(i, 100 + 20 * length_mb * (1 + 0.01 * (-1) ** i), {"length_mb": length_mb}, wall_s=600 + length_mb)
        for i, length_mb in enumerate(range(40, 260, 10))
    ]
    return fitting.fit(measured, tool="beagle", feature_names=("length_mb",))
