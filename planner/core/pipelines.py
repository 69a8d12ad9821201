"""A pipeline: its settings as read from ``chromplan.toml``, its samples, and its command with their placeholders."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from planner.core import command, regions
from planner.core import samples as sample_files
from planner.core.command import PLACEHOLDERS, REGION_PLACEHOLDERS
from planner.core.config import FILE, Config
from planner.core.documents import parse_toml, read_text
from planner.core.errors import FieldError, InputError
from planner.core.regions import Region
from planner.core.samples import Sample
from planner.core.user_scripts import Wrap


def load(path: Path) -> Config:
    """Read and check ``chromplan.toml``.

    Raises
    ------
    InputError
        For malformed TOML or a wrong value; names the file and the line or field.
    """
    config = parse_toml(read_text(path, hint="'chromplan init' writes one"), Config, path=path)
    command_text(config, samples(config, path.parent), path=path)
    return config


def samples(config: Config, folder: Path) -> list[Sample]:
    """Return the samples; a single one without a name for a cohort.

    Raises
    ------
    InputError
        When the table cannot be read, a name is missing, or a name is listed twice.
    """
    if config.wrap:
        return _element_samples(config.wrap)
    named = config.pipeline.samples
    if isinstance(named, str):
        reserved = {*PLACEHOLDERS, *(REGION_PLACEHOLDERS if config.pipeline.cuts else ())}
        return sample_files.read(folder / Path(named).expanduser(), reserved=reserved)
    return sample_files.listed(named, where=f"{folder / FILE}: pipeline.samples")


def _element_samples(wrap: Wrap) -> list[Sample]:
    """Return an array's elements as samples; an element's line of a list, its fields and its region are columns."""
    cells = [re.split(r"[\s,]+", one.line.strip()) if one.line.strip() else [] for one in wrap.elements]
    most = max(len(one) for one in cells)
    found = []
    with_parts = any(one.span for one in wrap.elements)
    for one, parts in zip(wrap.elements, cells, strict=True):
        columns = {**wrap.parameters, "index": str(one.index)}
        if with_parts:
            columns["region"] = regions.part_name(one.chromosome, one.span) if one.span else one.chromosome
        if most:
            columns |= {"line": one.line} | {f"field{n + 1}": "".join(parts[n : n + 1]) for n in range(most)}
        found.append(Sample(name=one.sample, columns=columns, chromosome=one.chromosome, task=one.task, span=one.span))
    return found


def region_columns(config: Config, table: list[Sample]) -> dict[str, str]:
    """Return placeholder -> environment variable of the values that describe a task's region.

    For whole chromosomes, only those that the command uses; a column of the sample table takes precedence.
    """
    if config.wrap:
        return {}
    always = REGION_PLACEHOLDERS if config.pipeline.overlap else ("region", "start", "end")
    return {
        name: variable
        for name, variable in REGION_PLACEHOLDERS.items()
        if name not in table[0].columns
        and ((config.pipeline.cuts and name in always) or command.mentions(config.pipeline.command, [name]))
    }


def columns(config: Config, table: list[Sample]) -> dict[str, str]:
    """Return placeholder -> environment variable of values that differ between tasks, besides the standard ones."""
    return {name: command.variable(name) for name in table[0].columns} | region_columns(config, table)


def variables(config: Config, table: list[Sample]) -> dict[str, str]:
    """Return placeholder -> environment variable, the sample table's columns included."""
    return PLACEHOLDERS | columns(config, table)


def command_text(config: Config, table: list[Sample], *, path: Path) -> str:
    """Return the command as bash text whose placeholders are quoted variables.

    Raises
    ------
    InputError
        For an empty command, an unknown placeholder, or ``{sample}`` without samples.
    """
    known = variables(config, table)
    if table[0].name == "":
        known.pop("sample")
    try:
        return command.bash(config.pipeline.command, known)
    except FieldError as error:
        raise InputError(f"{path}: pipeline.command: {error.message}", error.hint) from None


def check_command(config: Config, table: list[Sample], cut: Sequence[Region], *, path: Path) -> None:
    """Raise an error for a command that would do the same in several tasks.

    Raises
    ------
    InputError
        When a placeholder is missing; names it.
    """
    if config.wrap:
        return
    try:
        command.check_tells_tasks_apart(
            config.pipeline.command,
            chromosomes=len({one.chromosome for one in cut}),
            regions=len(cut) if config.pipeline.cuts else 0,
            samples=len(table),
            columns=table[0].columns,
        )
    except FieldError as error:
        raise InputError(f"{path}: pipeline.command: {error.message}", error.hint) from None
