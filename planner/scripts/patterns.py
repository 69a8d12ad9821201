"""Slurm's file name patterns (``--output=logs/%x_%A_%a.out``): as bash, and filled in to find the file."""

from __future__ import annotations

import re
from collections.abc import Mapping

from planner.core import shell

DEFAULT = "slurm-%A_%a.out"
"""Slurm's default output file of an array element."""
DEFAULT_OF_ONE = "slurm-%j.out"
"""Slurm's default output file of a job outside arrays."""

_REPLACED = re.compile(r"%(\d*)([%AabJjNnstux])")
_BASH = {
    "A": "$SLURM_ARRAY_JOB_ID",
    "a": "$SLURM_ARRAY_TASK_ID",
    "b": "$((SLURM_ARRAY_TASK_ID % 10))",
    "J": "$SLURM_JOB_ID",
    "j": "$SLURM_JOB_ID",
    "N": "${SLURMD_NODENAME:-$(hostname -s)}",
    "n": "0",
    "s": "batch",
    "t": "0",
    "u": "$(id -un)",
}
_NUMBERS = "AabJjnt"
# Slurm pads to at most this many digits
_WIDEST = 10


def bash_word(pattern: str, *, job_name: str) -> str:
    """Return a file name pattern as one bash word, expanded when the task runs.

    A backslash anywhere disables all replacement, as in Slurm; ``%x`` is the script's own job name.
    """
    if "\\" in pattern:
        return shell.quote(pattern.replace("\\", ""))
    pieces: list[str] = []
    position = 0
    for match in _REPLACED.finditer(pattern):
        pieces.append(_literal(pattern[position : match.start()]))
        pieces.append(_replacement(match, job_name))
        position = match.end()
    pieces.append(_literal(pattern[position:]))
    return "".join(pieces) or "''"


def expand(pattern: str, known: Mapping[str, str]) -> str | None:
    """Return a file name pattern as Slurm expands it; None if it has a letter that is not in ``known``.

    Parameters
    ----------
    known : mapping of str to str
        Letter -> value: ``{"A": "12", "a": "3"}``.
    """
    if "\\" in pattern:
        return pattern.replace("\\", "")
    known = {**known, "%": "%"}
    if not letters(pattern) <= known.keys():
        return None
    return _REPLACED.sub(lambda match: _filled(match, known[match[2]]), pattern)


def letters(pattern: str) -> set[str]:
    """Return the letters of a file name pattern: ``{"A", "a"}`` for ``%A_%4a.out``."""
    return set() if "\\" in pattern else {match[2] for match in _REPLACED.finditer(pattern)} - {"%"}


def _filled(match: re.Match[str], value: str) -> str:
    digits, letter = match.groups()
    return value.zfill(min(int(digits), _WIDEST)) if digits and letter in _NUMBERS else value


def _replacement(match: re.Match[str], job_name: str) -> str:
    digits, letter = match.groups()
    if letter == "%":
        return shell.quote("%")
    if letter == "x":
        return shell.quote(job_name)
    value = _BASH[letter]
    if digits and letter in _NUMBERS:
        return f'"$(printf \'%0{min(int(digits), _WIDEST)}d\' "{value}")"'
    return f'"{value}"'


def _literal(text: str) -> str:
    return shell.quote(text) if text else ""
