"""The tasks of ``chromplan order``: a genome's chromosomes, or a table of measured or predicted tasks."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.core import genomes, units
from planner.core.errors import InputError

_COLUMNS = {
    "name": ("name", "task", "chromosome", "chrom", "chr"),
    "memory": ("mem_mb", "peak_mb", "request_mb", "memory", "mem"),
    "duration": ("wall_s", "duration_s", "runtime_s", "duration", "wall", "time"),
    "cores": ("cpus", "cores", "threads"),
}
_NEEDED = ("name", "memory", "duration")


@dataclass(frozen=True, kw_only=True)
class TaskTable:
    """Names, memory, duration and cores by task, with the words for their units."""

    names: tuple[str, ...]
    mem: tuple[float, ...]
    wall: tuple[float, ...]
    cpus: tuple[int, ...] | None
    genome: str | None = None

    @property
    def mem_unit(self) -> str:
        """Unit of the memories."""
        return "Mb" if self.genome else "MB"


def from_genome(name: str, chromosomes: str | None) -> TaskTable:
    """Take chromosome lengths in Mb for memory and duration alike."""
    found = genomes.find(name)
    names = found.chromosomes(chromosomes)
    lengths = tuple(found.lengths_bp[each] / 1e6 for each in names)
    return TaskTable(names=tuple(names), mem=lengths, wall=lengths, cpus=None, genome=found.name)


def from_file(path: Path) -> TaskTable:
    """Read a table with a header: name, memory and duration, perhaps cores; comma, tab or semicolon between them.

    A file ``*.json`` is a round's plan: requests and predicted durations.

    Raises
    ------
    InputError
        Naming file, line and column.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{path}: {reason}", "give a CSV or TSV file with a header, or a round's plan.json") from error
    if path.suffix.lower() == ".json":
        return _from_plan(path, text)
    header = text.partition("\n")[0]
    delimiter = max("\t;,", key=header.count)
    reader = csv.DictReader(text.splitlines(), delimiter=delimiter)
    columns = _columns(path, reader.fieldnames or ())
    rows = [(f"{path}:{reader.line_num}", row) for row in reader]
    if not rows:
        raise InputError(f"{path}: no tasks", "write one line per task below the header")
    names = tuple((row[columns["name"]] or "").strip() for _, row in rows)
    _check_names(path, names)
    cores = columns.get("cores")
    return TaskTable(
        names=names,
        mem=tuple(_memory(where, columns["memory"], row[columns["memory"]]) for where, row in rows),
        wall=tuple(_duration(where, columns["duration"], row[columns["duration"]]) for where, row in rows),
        cpus=tuple(_cores(where, cores, row[cores]) for where, row in rows) if cores else None,
    )


def _from_plan(path: Path, text: str) -> TaskTable:
    from planner.core.documents import parse_json
    from planner.plan.document import Plan

    plan = parse_json(text, Plan, path=path, hint="'chromplan plan' writes it, as rounds/r001/plan.json")
    wall = tuple(task.wall_s for task in plan.tasks if task.wall_s is not None)
    if not wall or len(wall) < len(plan.tasks):
        raise InputError(
            f"{path}: it is not known how long its tasks take",
            "run a first round, or import a history with durations ('chromplan history import')",
        )
    return TaskTable(
        names=tuple(task.task for task in plan.tasks),
        mem=tuple(float(task.request_mb) for task in plan.tasks),
        wall=wall,
        cpus=tuple(task.cpus for task in plan.tasks),
    )


def _columns(path: Path, header: Sequence[str]) -> dict[str, str]:
    by_word = {column.strip().lower(): column for column in header}
    found = {
        meaning: next((by_word[word] for word in words if word in by_word), "") for meaning, words in _COLUMNS.items()
    }
    for meaning in _NEEDED:
        if not found[meaning]:
            raise InputError(
                f"{path}: no column for the {meaning}",
                f"name it one of: {', '.join(_COLUMNS[meaning])} (found: {', '.join(by_word) or 'none'})",
            )
    return {meaning: column for meaning, column in found.items() if column}


def _check_names(path: Path, names: tuple[str, ...]) -> None:
    seen: set[str] = set()
    for line, name in enumerate(names, start=2):
        if not name or name in seen:
            what = f"task {name!r} is listed twice" if name else "a task has no name"
            raise InputError(f"{path}:{line}: {what}", "every task needs a name of its own")
        seen.add(name)


def _memory(where: str, column: str, text: str | None) -> float:
    return _read(where, column, text, units.parse_mem_mb, "a size such as 5210, 5210M or 5.1G")


def _duration(where: str, column: str, text: str | None) -> float:
    def read(word: str) -> float | None:
        try:
            return float(word)
        except ValueError:
            return units.parse_duration_s(word)

    return _read(where, column, text, read, "seconds or a time such as 1:30:00")


def _cores(where: str, column: str, text: str | None) -> int:
    return int(_read(where, column, text, float, "a number of cores"))


def _read(where: str, column: str, text: str | None, read: Callable[[str], float | None], wanted: str) -> float:
    try:
        value = read((text or "").strip())
    except ValueError:
        value = None
    if value is None or not 0 <= value < float("inf"):
        raise InputError(f"{where}: {column} is {text!r}", f"write {wanted}")
    return float(value)
