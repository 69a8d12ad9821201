"""Snakemake's benchmark files: one row per repeat of one job, memory in MB of 1024^2 bytes.

``max_rss`` sums the resident memory of the job's process tree, sampled (every half second at first, later every 30 s).
Unless it was written with ``--benchmark-extended``, a file holds neither rule nor wildcards: they are read from its
path.
"""

from __future__ import annotations

import ast
import glob
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from planner.core.errors import InputError
from planner.core.records import Observation, Outcome, Quality
from planner.history.delimited import MISSING, check_columns, header_of, split_rows
from planner.history.labels import CHROMOSOME_KEYS, Labels, chromosome_in, plain_chromosome, read_name
from planner.history.readers import ReadOptions
from planner.history.reading import Skipped, count_of, identity
from planner.history.source import TextSource

NAME = "snakemake"
USES = frozenset({"path_pattern", "name_pattern"})
_NEEDED = {"s": "wall time", "max_rss": "peak memory"}
_EXTENDED = ("rule_name", "wildcards", "threads", "resources", "input_size_mb", "jobid")
_SUFFIX = re.compile(r"(?:\.benchmark)?\.(?:tsv|txt|jsonl|json)$")
_WILDCARD = re.compile(r"\{([A-Za-z_]\w*)(?:,([^{}]*))?\}")


def path_pattern(pattern: str) -> re.Pattern[str]:
    """Return the regular expression for the end of a path from ``benchmarks/{rule}/{sample}.chr{chromosome}.tsv``.

    Raises
    ------
    InputError
        When the pattern has no wildcards, one of them twice, or a constraint that is not a regular expression.
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


def is_path_pattern(text: str) -> bool:
    """Whether it has a wildcard, as ``{rule}``."""
    return _WILDCARD.search(text) is not None


def matching(pattern: str) -> list[Path]:
    """Return the files whose whole path matches a path pattern, sorted."""
    exact = re.compile(path_pattern(pattern).pattern.removeprefix("(?:^|/)"))
    anything = "*".join(glob.escape(literal) for literal in _WILDCARD.split(pattern)[::3])
    # Path.glob takes no absolute pattern
    return [Path(path) for path in sorted(glob.glob(anything)) if exact.match(path)]  # noqa: PTH207


def recognises(head: str) -> bool:
    """Whether it has a benchmark's columns, as a table or as JSON lines."""
    if head.lstrip()[:1] == "{":
        first = head.lstrip().partition("\n")[0]
        return set(_NEEDED) <= set(_object(first))
    return set(_NEEDED) <= header_of(head)


def read(source: TextSource, options: ReadOptions) -> Iterator[Observation | Skipped]:
    """Yield each repeat in a benchmark file, ``.tsv`` or ``.jsonl``.

    If the file lacks them, rule (the folder, unless the pattern has ``rule`` or ``tool``), sample and chromosome are
    read from its path.

    Raises
    ------
    InputError
        When a column is missing, the file is cut, or the path does not match the pattern.
    """
    path = Path(source.name).as_posix()
    wildcards = _wildcards(path, options.path_pattern)
    text = source.text()
    repeat = 0
    for found in _json_rows(text) if text.lstrip()[:1] == "{" else _table_rows(text, path):
        if isinstance(found, Skipped):
            yield found
            continue
        line, row = found
        try:
            yield _observation(row, path, wildcards, options.labels, repeat=repeat)
            repeat += 1
        except ValueError as error:
            yield Skipped(line=line, reason=str(error))


def _table_rows(text: str, path: str) -> Iterator[tuple[int, dict[str, str]] | Skipped]:
    table = split_rows(text, source=path)
    check_columns(table.columns, _NEEDED, source=path)
    return table.whole_rows({*_NEEDED, *_EXTENDED})


def _json_rows(text: str) -> Iterator[tuple[int, dict[str, str]] | Skipped]:
    for number, line in enumerate(text.split("\n"), start=1):
        found = _object(line)
        if set(_NEEDED) <= set(found):
            yield number, {name: _as_text(value) for name, value in found.items()}
        elif line.strip():
            yield Skipped(line=number, reason="not a benchmark record, or one that was cut")


def _as_text(value: object) -> str:
    if isinstance(value, dict | list):
        return json.dumps(value)
    return "" if value is None else str(value)


def _wildcards(path: str, pattern: re.Pattern[str] | None) -> dict[str, str]:
    if pattern is None:
        return {}
    match = pattern.search(path)
    if match is None:
        raise InputError(f"{path}: does not match the path pattern", "the pattern must fit the end of each path")
    return match.groupdict()


def _observation(
    row: Mapping[str, str], path: str, wildcards: Mapping[str, str], labels: Labels, *, repeat: int
) -> Observation:
    folder, _, file = path.rpartition("/")
    stem = _SUFFIX.sub("", file)
    known = {**_object(row.get("wildcards", "")), **wildcards}
    rule = known.get("tool") or known.get("rule") or row.get("rule_name") or folder.rpartition("/")[2] or stem
    peak_mb = _number(row, "max_rss")
    chromosome = str(next((known[name] for name in CHROMOSOME_KEYS if known.get(name)), ""))
    told = _told(path, labels)
    return Observation(
        tool=labels.tool or told.get("tool") or rule,
        task=stem if rule == stem else f"{rule}.{stem}",
        sample=told.get("sample") or str(known.get("sample", "")),
        chromosome=told.get("chromosome") or plain_chromosome(chromosome) or chromosome_in(stem, path),
        features=_features(row),
        peak_mb=peak_mb,
        limit_mb=_limit_mb(_object(row.get("resources", ""))),
        wall_s=_number(row, "s"),
        outcome=Outcome.COMPLETED,
        quality=Quality.MISSING if peak_mb is None else Quality.SAMPLED,
        job_id=identity(NAME, stem, str(repeat), *row.values()),
        submit_s=0,
        cpus=count_of(row.get("threads", "")),
        evidence="benchmark file (written when the job had succeeded)",
        source=NAME,
    )


def _told(path: str, labels: Labels) -> dict[str, str]:
    """Return the labels that the name pattern finds in the path."""
    if labels.pattern is None:
        return {}
    told = read_name(path, replace(labels, tool=None))
    if not told:
        raise ValueError("files whose path does not match the name pattern")
    return told


def _features(row: Mapping[str, str]) -> dict[str, float]:
    """Return the size of all input files, which the extended format lists, in MiB."""
    sizes = [size for size in _object(row.get("input_size_mb", "")).values() if isinstance(size, int | float)]
    return {"input_mb": float(sum(sizes))} if sizes else {}


def _limit_mb(resources: Mapping[str, Any]) -> int | None:
    """Return ``mem_mb``: executors pass it unchanged to the batch system, whose MB are MiB."""
    value = resources.get("mem_mb")
    if not isinstance(value, int | float) or not math.isfinite(value) or value <= 0:
        return None
    return round(value)


def _object(text: str) -> dict[str, Any]:
    """Return a dictionary as JSON or as Python writes it; an empty one when it is neither."""
    if not text.lstrip().startswith("{"):
        return {}
    for read_it in (json.loads, ast.literal_eval):
        try:
            found = read_it(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        return {str(name): value for name, value in found.items()} if isinstance(found, dict) else {}
    return {}


def _number(row: Mapping[str, str], column: str) -> float | None:
    text = row[column]
    if text in MISSING:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{column}: not a number: {text!r}") from None
    if not math.isfinite(value) or value < 0:
        raise ValueError(f"{column}: not a usable number: {text!r}")
    return value or None
