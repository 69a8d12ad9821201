"""Features: numbers known before a task runs, resolved from their specifications in chromplan.toml.

A specification is one of

=================  ==================================================================
``4``, ``"2.5"``   that number
``"length"``       length of the task's region in Mb (1e6 bases), from the genome
``"map_length"``   map length of the region in cM, from the genetic map
``"cpus"``         CPUs of the task
``"size:PATH"``    bytes of a file, of all in a folder, or of all that a pattern matches
``"records:PATH"`` variant records of the task's region in an indexed VCF or BCF
``"samples:PATH"`` samples in the header of a VCF or BCF
``"NAME"``         the column NAME of the sample table, or the tool parameter NAME
``"text:NAME"``    the same, as text: a collector, a version, a panel (see ``planner.core.levels``)
=================  ==================================================================

``PATH`` may hold placeholders such as ``{chromosome}`` and ``{sample}``. This module is pure: what touches files comes
in as :class:`Readers` (see ``planner.project.inputs``).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from planner.core import levels
from planner.core.errors import InputError

FILE_KINDS = ("size", "records", "samples")
_TEXT = levels.TEXT.removesuffix(":")
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*\Z")


@dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """One parsed specification: ``kind`` number, length, map_length, cpus, column, text, size, records or samples."""

    name: str
    kind: str
    argument: str = ""
    value: float = math.nan


@dataclass(frozen=True, kw_only=True, slots=True)
class Readers:
    """Functions that read files for features.

    Attributes
    ----------
    size : callable
        ``size(path) -> bytes``.
    records : callable
        ``records(path, chromosome, span) -> variant records of that chromosome``, or of an interval of it.
    samples : callable
        ``samples(path) -> samples in the header``.
    map_length_cm : callable or None
        ``map_length_cm(chromosome, span) -> cM`` of that chromosome, or of an interval of it; None without a map.

    Each raises ``OSError`` or ``ValueError`` with a message for people when it cannot.
    """

    size: Callable[[str], float]
    records: Callable[[str, str, tuple[int, int] | None], float]
    samples: Callable[[str], float]
    map_length_cm: Callable[[str, tuple[int, int] | None], float] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskFacts:
    """Facts that the features of one task are resolved from.

    Attributes
    ----------
    task : str
        The task's name, for errors.
    chromosome : str
        Plain name (``"1"``), a key of ``lengths``.
    lengths : mapping of str to int
        Chromosome lengths in bases.
    span : (int, int) or None
        First and last base of the region; None for a whole chromosome.
    parameters : mapping
        Sample-table columns and tool parameters.
    cpus : int
    placeholders : mapping
        Values of ``{name}`` in paths, in addition to ``parameters``.
    readers : Readers or None
        Needed for ``size:``, ``records:`` and ``samples:``.
    """

    task: str
    chromosome: str
    lengths: Mapping[str, int]
    span: tuple[int, int] | None = None
    parameters: Mapping[str, object]
    cpus: int = 1
    placeholders: Mapping[str, str] = field(default_factory=dict)
    readers: Readers | None = None


def parse_spec(name: str, text: str | float) -> Spec:
    """Parse one specification.

    Raises
    ------
    InputError
        Naming the feature, when the specification is none of the forms above.
    """
    if not _NAME.match(name):
        raise InputError(f"feature name {name!r} is not a plain word", "use letters, digits, _ . - in feature names")
    if isinstance(text, int | float) and not isinstance(text, bool):
        return Spec(name=name, kind="number", value=_finite(name, text))
    if not isinstance(text, str) or not text.strip():
        raise InputError(
            f"features.{name}: {text!r} is not a specification",
            'write a number, "length", "map_length", "cpus", "size:PATH", "records:PATH", "samples:PATH" or a column',
        )
    text = text.strip()
    kind, colon, argument = text.partition(":")
    if colon and kind in (*FILE_KINDS, _TEXT):
        what = "column" if kind == _TEXT else "path"
        if not argument.strip():
            raise InputError(f"features.{name}: no {what} after {kind}:", f'write "{kind}:{what.upper()}"')
        return Spec(name=name, kind=kind, argument=argument.strip())
    if text in ("length", "map_length", "cpus"):
        return Spec(name=name, kind=text)
    number = _number(text)
    if number is not None:
        return Spec(name=name, kind="number", value=_finite(name, number))
    if colon:
        raise InputError(f"features.{name}: unknown kind {kind!r}", "known kinds: " + ", ".join((*FILE_KINDS, _TEXT)))
    return Spec(name=name, kind="column", argument=text)


def parse_specs(table: Mapping[str, str | float]) -> tuple[Spec, ...]:
    """Parse the ``[features]`` table, in its order."""
    return tuple(parse_spec(name, text) for name, text in table.items())


def measured(table: Mapping[str, str | float]) -> list[str]:
    """Return the features of a ``[features]`` table that are amounts of input: lengths, bytes, records, samples."""
    return [spec.name for spec in parse_specs(table) if spec.kind in ("length", "map_length", *FILE_KINDS)]


def resolve(specs: Iterable[Spec], facts: TaskFacts) -> dict[str, float]:
    """Return the feature values of one task.

    Raises
    ------
    InputError
        Naming task and feature, when a value is missing, not a number, or its file cannot be read.
    """
    resolver = _Resolver(facts)
    found: dict[str, float] = {}
    for spec in specs:
        found |= (
            levels.kept(spec.name, resolver.text(spec)) if spec.kind == _TEXT else {spec.name: resolver.value(spec)}
        )
    return found


@dataclass(frozen=True, slots=True)
class _Resolver:
    facts: TaskFacts

    def value(self, spec: Spec) -> float:
        if spec.kind == "number":
            return spec.value
        if spec.kind == "cpus":
            return float(self.facts.cpus)
        if spec.kind == "length":
            return self._length(spec)
        if spec.kind == "map_length":
            return self._map_length(spec)
        if spec.kind == "column":
            return self._column(spec)
        return self._file(spec)

    def _length(self, spec: Spec) -> float:
        if self.facts.span is not None:
            start, end = self.facts.span
            return (end - start + 1) / 1e6
        if not self.facts.chromosome:
            raise self._error(
                spec,
                "the length of its region is not known",
                "name what else is known of it in [features]: size:PATH, …",
            )
        if self.facts.chromosome not in self.facts.lengths:
            raise self._error(
                spec,
                f"the genome has no chromosome {self.facts.chromosome!r}",
                "check the chromosomes and the genome in chromplan.toml",
            )
        return self.facts.lengths[self.facts.chromosome] / 1e6

    def _map_length(self, spec: Spec) -> float:
        read = self.facts.readers.map_length_cm if self.facts.readers else None
        if read is None or not self.facts.chromosome:
            unknown = "no genetic map is named" if read is None else "the map length of its region is not known"
            raise self._error(spec, unknown, "name one in [pipeline], or another feature in [features]: map = …")
        return read(self.facts.chromosome, self.facts.span)

    def text(self, spec: Spec) -> str:
        """Return the text of a column or parameter."""
        raw = self._given(spec)
        if raw is None or not str(raw).strip():
            raise self._error(spec, f"{spec.argument} is empty", "put a word there, or drop the feature")
        return str(raw)

    def _given(self, spec: Spec) -> object:
        if spec.argument not in self.facts.parameters:
            known = ", ".join(sorted(self.facts.parameters)) or "none"
            raise self._error(
                spec,
                f"there is no column or parameter {spec.argument!r}",
                f"columns and parameters of this task: {known}",
            )
        return self.facts.parameters[spec.argument]

    def _column(self, spec: Spec) -> float:
        raw = self._given(spec)
        number = _number(raw)
        if number is None or not math.isfinite(number):
            what = "is empty" if raw is None or str(raw).strip() == "" else f"is {str(raw)!r}, not a number"
            raise self._error(
                spec, f"{spec.argument} {what}", f'put a number there, write "{levels.TEXT}{spec.argument}", or drop it'
            )
        return number

    def _file(self, spec: Spec) -> float:
        path = self._path(spec)
        if self.facts.readers is None:
            raise self._error(spec, f"{spec.kind}:{path} needs file access", "resolve it where files can be read")
        try:
            if spec.kind == "size":
                value = self.facts.readers.size(path)
            elif spec.kind == "records":
                value = self.facts.readers.records(path, self.facts.chromosome, self.facts.span)
            else:
                value = self.facts.readers.samples(path)
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise self._error(spec, f"{path}: {reason}", "check the path in [features] of chromplan.toml") from error
        return float(value)

    def _path(self, spec: Spec) -> str:
        known = {key: str(value) for key, value in self.facts.parameters.items()} | dict(self.facts.placeholders)

        def fill(match: re.Match[str]) -> str:
            word = match.group(1)
            if word not in known:
                raise self._error(
                    spec,
                    f"unknown placeholder {{{word}}} in {spec.argument!r}",
                    "known placeholders: " + ", ".join(sorted(known)),
                )
            return known[word]

        return _PLACEHOLDER.sub(fill, spec.argument)

    def _error(self, spec: Spec, message: str, hint: str) -> InputError:
        return InputError(f"task {self.facts.task}, feature {spec.name}: {message}", hint)


def _number(raw: object) -> float | None:
    if isinstance(raw, bool) or raw is None:
        return None
    try:
        return float(raw) if isinstance(raw, int | float) else float(str(raw).strip())
    except ValueError:
        return None


def _finite(name: str, number: float) -> float:
    if not math.isfinite(number):
        raise InputError(f"features.{name}: {number} is not a finite number", "write a finite number")
    return float(number)
