"""Slurm's accounting: the output of sacct, as text or JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator

from planner.core.records import Observation
from planner.history.labels import check_tool
from planner.history.readers import ReadOptions
from planner.history.reading import Skipped
from planner.history.sacct.headers import is_header
from planner.history.sacct.labels import labelled
from planner.history.sacct.read import stream
from planner.history.sacct.text import DELIMITER
from planner.history.source import TextSource

NAME = "sacct"
USES = frozenset({"name_pattern", "array_is_chromosome", "name_is_task", "poll_s", "sacct_columns"})

_DEFAULT_TABLE = re.compile(r"^\s*(?:-{2,}\s+)+-{2,}\s*$", re.MULTILINE)
_ROW = re.compile(r"^[0-9]+(?:[_+][0-9]+|_\[[^]]*\])?(?:\.\w+)?[|^;,\t]", re.MULTILINE)


def recognises(head: str) -> bool:
    """Whether it is JSON, has a header with JobID, or rows that begin with a job's id."""
    if head.lstrip()[:1] == "{" or DELIMITER in head or _DEFAULT_TABLE.search(head):
        return True
    return any(map(is_header, head.splitlines())) or (_ROW.match(head) is not None and "|" in head)


def read(source: TextSource, options: ReadOptions) -> Iterator[Observation | Skipped]:
    """Yield each attempt of a job whose name gives its task.

    Raises
    ------
    InputError
        When the tool is unknown, the text is cut, or nothing in it could be read.
    """
    check_tool(options.labels)
    found = stream(source, columns=options.sacct_columns, poll_s=options.poll_s)
    yield from labelled(found, options.labels)
