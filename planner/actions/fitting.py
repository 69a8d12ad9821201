"""What ``fit`` needs of a project: which features a tool is predicted from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from planner.core.config import Config
    from planner.core.records import Observation


def feature_names(config: Config | None, tool: str, observations: Sequence[Observation]) -> tuple[str, ...]:
    """Return the features of the pipeline that runs the tool, else those that every attempt to learn from has."""
    from planner.memory.rows import trains

    if config is not None and config.pipeline.tool == tool:
        return tuple(config.features)
    known = [set(row.features) for row in observations if not trains(row, poll_s=0)]
    return tuple(sorted(set.intersection(*known))) if known else ()
