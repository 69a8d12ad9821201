"""Reading Snakemake's benchmark files: one row per repeat of one job, memory in MB of 1024^2 bytes.

``max_rss`` sums the resident memory of the job's process tree, sampled (every half second at first, later every 30 s).
Unless it was written with ``--benchmark-extended``, a file holds neither rule nor wildcards: its path tells them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping

from planner.core.errors import InputError
from planner.core.records import Observation, Outcome, Quality
from planner.history.reading import HistoryRead, Skipped, check_columns, chromosome_in, identity, split_rows

SOURCE = "snakemake"
_NEEDED = {"s": "wall time", "max_rss": "peak memory"}
_MISSING = ("", "-", "NA", "nan")
_WILDCARD = re.compile(r"\{([A-Za-z_]\w*)(?:,([^{}]*))?\}")


def path_pattern(pattern: str) -> re.Pattern[str]:
    """Return what matches the end of a path against ``benchmarks/{rule}/{sample}.chr{chromosome}.tsv``.

    Raises
    ------
    InputError
        When the pattern has no wildcards, one of them twice, or a constraint that is no regular expression.
    """
    # split() gives: literal, name, constraint, literal, name, constraint, ..., literal
    literals, names, constraints = (_WILDCARD.split(pattern)[start::3] for start in range(3))
    if not names or len(set(names)) < len(names):
        raise InputError(
            f"path pattern {pattern!r}: wildcards must be there, each once", "for example {rule}/{sample}.tsv"
        )
    text = re.escape(literals[0])
    for name, constraint, literal in zip(names, constraints, literals[1:], strict=True):
        text += f"(?P<{name}>{constraint or '[^/]+'}){re.escape(literal)}"
    try:
        return re.compile(rf"(?:^|/){text}$")
    except re.error as error:
        raise InputError(f"path pattern {pattern!r}: {error}", "a constraint is a regular expression") from None


def read_benchmark(
    text: str, *, path: str, pattern: re.Pattern[str] | None = None, tool: str | None = None
) -> HistoryRead:
    """Read one benchmark file.

    Parameters
    ----------
    path : str
        Where the file lies; tells the rule (its folder, unless the pattern has ``rule`` or ``tool``), sample and
        chromosome.
    pattern : re.Pattern, optional
        From `path_pattern`; its wildcards ``rule`` or ``tool``, ``sample`` and ``chromosome`` are used.
    tool : str, optional
        Instead of the rule.

    Raises
    ------
    InputError
        When a column is missing, the file is cut, or the path does not match the pattern.
    """
    table = split_rows(text, source=path)
    check_columns(table.columns, _NEEDED, source=path)
    wildcards = _wildcards(path, pattern)
    observations: list[Observation] = []
    skipped = list(table.skipped)
    for line, row in table.rows:
        try:
            observations.append(_observation(row, path, wildcards, tool, repeat=len(observations)))
        except ValueError as error:
            skipped.append(Skipped(line=line, reason=str(error)))
    return HistoryRead(observations=tuple(observations), skipped=tuple(skipped))


def _wildcards(path: str, pattern: re.Pattern[str] | None) -> dict[str, str]:
    if pattern is None:
        return {}
    match = pattern.search(path)
    if match is None:
        raise InputError(f"{path}: does not match the path pattern", "the pattern must fit the end of each path")
    return match.groupdict()


def _observation(
    row: Mapping[str, str], path: str, wildcards: Mapping[str, str], tool: str | None, *, repeat: int
) -> Observation:
    folder, _, file = path.rpartition("/")
    stem = file.removesuffix(".tsv").removesuffix(".txt")
    own = _own_wildcards(row)
    known = {**own, **wildcards}
    rule = known.get("tool") or known.get("rule") or row.get("rule_name") or folder.rpartition("/")[2] or stem
    peak_mb = _number(row, "max_rss")
    threads = row.get("threads", "")
    chromosome = known.get("chromosome") or known.get("chrom") or known.get("chr") or ""
    return Observation(
        tool=tool or rule,
        task=stem if rule == stem else f"{rule}.{stem}",
        sample=known.get("sample", ""),
        chromosome=chromosome_in(f"chr{chromosome}") if chromosome else chromosome_in(stem, path),
        features={},
        peak_mb=peak_mb,
        limit_mb=None,
        wall_s=_number(row, "s"),
        outcome=Outcome.COMPLETED,
        quality=Quality.MISSING if peak_mb is None else Quality.SAMPLED,
        job_id=identity(SOURCE, stem, str(repeat), *row.values()),
        submit_s=0,
        cpus=int(threads) if threads.isdecimal() else 1,
        evidence="benchmark file (written when the job had succeeded)",
        source=SOURCE,
    )


def _own_wildcards(row: Mapping[str, str]) -> dict[str, str]:
    """Return the wildcards that the extended format holds as JSON."""
    text = row.get("wildcards", "")
    if not text.startswith("{"):
        return {}
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        return {}
    return {str(name): str(value) for name, value in found.items()}


def _number(row: Mapping[str, str], column: str) -> float | None:
    text = row[column]
    if text in _MISSING:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{column}: not a number: {text!r}") from None
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{column}: not a usable number: {text!r}")
    return value or None
