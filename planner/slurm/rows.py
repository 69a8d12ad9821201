"""Rows of squeue's, sstat's and sinfo's answers; whatever else a site prints there, such as a greeting, is no row."""

from __future__ import annotations

import re
from collections.abc import Iterator

# a job 12, an element 12_3, elements 12_[3-5%2], a component 12+1, and the steps of each; "12_N/A" is no element
_ID = re.compile(r"\d+(?:[_+][^|\s.]+)?(?:\.\S+)?")


def about_jobs(printed: str, cells: int) -> Iterator[list[str]]:
    """Return the rows that begin with the id of a job, element, component or step, as their cells.

    Parameters
    ----------
    printed : str
        Rows with cells separated by ``|``.
    cells : int
        Cells of a row; the last one may contain ``|``.
    """
    for line in printed.splitlines():
        found = line.split("|", cells - 1)
        if len(found) == cells and _ID.fullmatch(found[0]):
            yield found
