"""Slurm's grammar of node lists: ``n[1-3,07-10],login1``."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator

from planner.core.units import MISSING

_NODE_GROUP = re.compile(r"\[([^\[\]]*)\]")
# only a comma outside brackets separates names
_NODE_PART = re.compile(r"(?:[^,\[\]]|\[[^\[\]]*\])+")
_NODE_NAME = re.compile(r"[^\s,\[\]]+")

# keeps a typing error from filling the memory
_MOST_NODES = 200_000


def expand_nodes(text: str) -> list[str]:
    """Return the names of a node list such as ``n[1-3,07-10],login1``; leading zeros are kept.

    Empty text and Slurm's ``None assigned`` give an empty list. Brackets do not nest; several groups in one name
    multiply (``r[1-2]n[1-2]``).
    """
    text = text.strip()
    if text.lower() in MISSING:
        return []
    names: list[str] = []
    parts = _NODE_PART.findall(text)
    if ",".join(parts) != text:
        raise ValueError(f"not a node list: {text!r}")
    for part in parts:
        names.extend(_expand_name(part))
        if len(names) > _MOST_NODES:
            raise ValueError(f"more than {_MOST_NODES} nodes: {text!r}")
    return names


def _expand_name(text: str) -> Iterator[str]:
    pieces = _NODE_GROUP.split(text.strip())
    # split() alternates: literal, group, literal, group, ..., literal
    choices = [_expand_group(piece) if i % 2 else [piece] for i, piece in enumerate(pieces)]
    if math.prod(len(choice) for choice in choices) > _MOST_NODES:
        raise ValueError(f"more than {_MOST_NODES} nodes: {text!r}")
    for combination in itertools.product(*choices):
        name = "".join(combination)
        if not _NODE_NAME.fullmatch(name):
            raise ValueError(f"not a node list: {text!r}")
        yield name


def _expand_group(text: str) -> list[str]:
    found: list[str] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        last = last if dash else first
        if not (first.isascii() and first.isdecimal() and last.isascii() and last.isdecimal()):
            raise ValueError(f"not a node range: {text!r}")
        if not 0 <= int(last) - int(first) <= _MOST_NODES:
            raise ValueError(f"not a node range: {text!r}")
        found.extend(f"{number:0{len(first)}d}" for number in range(int(first), int(last) + 1))
    return found
