"""Text among features: what has no order, as a collector, a version or a panel.

The feature ``collector`` with the value ``G1`` is kept as the feature ``collector=G1`` with the value 1: features are
numbers everywhere. ``text:COLUMN`` says of a feature that it is text.
"""

from __future__ import annotations

from collections.abc import Mapping

TEXT = "text:"


def column(source: str) -> str:
    """Return the column that a feature is read from, without the word for text."""
    return source.removeprefix(TEXT)


def kept(name: str, level: str) -> dict[str, float]:
    """Return the feature as it is kept."""
    return {f"{name}={' '.join(level.split())}": 1.0}


def level(features: Mapping[str, float], name: str) -> str | None:
    """Return a feature's text; None where it is a number, or not there."""
    begin = f"{name}="
    return next((key.removeprefix(begin) for key in features if key.startswith(begin)), None)


def value(features: Mapping[str, float], name: str) -> float | str | None:
    """Return a feature's number or text; None where it is not there."""
    return features[name] if name in features else level(features, name)
