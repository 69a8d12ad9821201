"""Where the files that ship with chromplan lie."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).parent


def folder(name: str) -> Path:
    """Return the folder ``templates``, ``site_configs`` or ``data``.

    The first two lie at the top of a checkout, for people to read, and inside the package in a wheel.
    """
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name
