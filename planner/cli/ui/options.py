"""Options that several commands share."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from planner.core.errors import InputError

F = TypeVar("F", bound=Callable[..., Any])


class _Folder(click.Path):
    """A folder; a file in it is answered with the folder, which is what was meant."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if Path(value).is_file():
            said = f"--project: {value}: a file, where a folder is needed"
            raise InputError(said, f"give its folder: {Path(value).parent}")
        return super().convert(value, param, ctx)


def project_option(function: F) -> F:
    """Add ``-C/--project`` (parameter ``folder``) to a command."""

    def check(_context: click.Context, _option: click.Parameter, value: Path) -> Path:
        if not value.is_absolute():
            Path.cwd()  # an error that is explained, where that is gone
        return value

    return click.option(
        "-C",
        "--project",
        "folder",
        type=_Folder(path_type=Path, file_okay=False),
        default=Path(),
        callback=check,
        help="The folder with chromplan.toml (default: the current one).",
    )(function)


def store_option(function: F) -> F:
    """Add ``--store``: a history that several projects or people share, instead of the project's own."""

    def use(_context: click.Context, _option: click.Parameter, value: Path | None) -> None:
        if value is not None:
            os.environ["CHROMPLAN_STORE"] = str(value.absolute())

    return click.option(
        "--store",
        type=click.Path(path_type=Path, dir_okay=False),
        callback=use,
        expose_value=False,
        is_eager=True,
        help="A shared history (default: $CHROMPLAN_STORE, else the project's own).",
    )(function)


def plot_option(draws: str) -> Callable[[F], F]:
    """Add ``--plot`` (parameter ``plot_file``), whose format is checked before anything is done.

    Parameters
    ----------
    draws : str
        What it draws, for the help.
    """

    def check(_context: click.Context, _option: click.Parameter, value: Path | None) -> Path | None:
        if value is not None:
            from planner.report.timeline import check_format

            check_format(value)
        return value

    return click.option(
        "--plot",
        "plot_file",
        type=click.Path(path_type=Path, dir_okay=False),
        callback=check,
        help=f"Draw {draws} to this file: .png, .svg or .pdf.",
    )


class FormerlyWorkers(click.Option):
    """An option that was once called ``--workers``: the old name is still taken, and not shown."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Register the option under both names."""
        super().add_to_parser(parser, ctx)
        parser.add_option(self, ["--workers"], dest=self.name, action="store", nargs=self.nargs)


def then_next_option(function: F) -> F:
    """Add ``--then-next`` (parameter ``then_next``) to a command that submits."""
    return click.option(
        "--then-next", is_flag=True, help="Add a last job that plans and submits the next round, until nothing is left."
    )(function)


def options_of(choice: str, asked: Mapping[str, Any], names: Sequence[str], *, chosen: bool) -> dict[str, Any]:
    """Return the options, of those that belong to a choice, that were given.

    Raises
    ------
    InputError
        When one was given without the choice, ``--policy paper``.
    """
    given = {name: asked[name] for name in names if asked[name] is not None}
    if given and not chosen:
        raise InputError(f"--{next(iter(given))} belongs to {choice}", "add it, or leave the option out")
    return given


def memory(option: str, text: str | None) -> int | None:
    """Return what an option gives as memory, MiB.

    Raises
    ------
    InputError
        When it is not an amount of memory.
    """
    from planner.core import units

    if text is None:
        return None
    try:
        size_mb = units.parse_request_mb(text)
    except ValueError as error:
        raise InputError(f"{option}: {error}", "write it as for sbatch: 8G, 3500M") from error
    if not size_mb:
        raise InputError(f"{option}: {text!r} is not an amount of memory", "write it as for sbatch: 8G, 3500M")
    return size_mb
