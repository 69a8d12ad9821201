"""Text features, which have no order: a collector, a version or a panel.

The feature ``collector`` with the value ``G1`` is stored as the feature ``collector=G1`` with the value 1, so that
features are numbers everywhere. ``text:COLUMN`` declares a text feature.
"""

from __future__ import annotations

from collections.abc import Mapping

TEXT = "text:"


def column(source: str) -> str:
    """Return the column of a feature, without the prefix ``text:``."""
    return source.removeprefix(TEXT)


def kept(name: str, level: str) -> dict[str, float]:
    """Return a text feature as it is stored."""
    return {f"{name}={' '.join(level.split())}": 1.0}


def level(features: Mapping[str, float], name: str) -> str | None:
    """Return a feature's text; None if it is a number or missing."""
    begin = f"{name}="
    return next((key.removeprefix(begin) for key in features if key.startswith(begin)), None)


def value(features: Mapping[str, float], name: str) -> float | str | None:
    """Return a feature's number or text; None if it is missing."""
    return features[name] if name in features else level(features, name)
