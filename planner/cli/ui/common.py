"""Sentences that differ only in their numbers, merged into one."""

from __future__ import annotations

import re
from collections.abc import Sequence

# a number by itself, none that is part of a name
_NUMBER = re.compile(r"(?<![\w.+-])\d+(?:\.\d+)?(?![\w.]*\w)")


def in_common(sentences: Sequence[str]) -> str | None:
    """Return one sentence for several, ``79 to 150 MB`` where their numbers differ; None where other words do.

    Parameters
    ----------
    sentences : sequence of str
        At least one.
    """
    if len({_NUMBER.sub("0", sentence) for sentence in sentences}) > 1:
        return None
    columns = zip(*(_NUMBER.findall(sentence) for sentence in sentences), strict=True)
    ranges = iter([_range(numbers) for numbers in columns])
    return _NUMBER.sub(lambda _found: next(ranges), sentences[0])


def _range(numbers: Sequence[str]) -> str:
    least, most = min(numbers, key=float), max(numbers, key=float)
    return least if float(least) == float(most) else f"{least} to {most}"
