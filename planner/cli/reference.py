"""The command reference, ``docs/commands.md``, from the commands themselves: ``python -m planner.cli.reference``."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from planner.cli import cli

_HEAD = """\
# Commands

Every command with its arguments and options, from the code (`python -m planner.cli.reference > docs/commands.md`).
`chromplan COMMAND --help` shows the same, with examples.
"""


def text() -> str:
    """Return the page."""
    context = click.Context(cli, info_name="chromplan", **cli.context_settings)
    return "\n".join([_HEAD, *_sections(cli, context)])


def _sections(command: click.Command, context: click.Context) -> Iterator[str]:
    if not isinstance(command, click.Group):
        yield _section(command, context)
        return
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None and not found.hidden:
            yield from _sections(found, click.Context(found, parent=context, info_name=name, **found.context_settings))


def _section(command: click.Command, context: click.Context) -> str:
    words = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    said = inspect.cleandoc(command.help or "").replace("\b\n", "")
    rows = [record for param in command.get_params(context) if (record := param.get_help_record(context))]
    table = ["| option | |", "|---|---|", *(f"| `{_cell(option)}` | {_cell(help_)} |" for option, help_ in rows)]
    return "\n".join([f"## {context.command_path}", "", f"`{words}`", "", said, "", *table, ""])


def _cell(value: str) -> str:
    """Return text for a cell of a table: one line, no bar that would end the cell."""
    return " ".join(value.split()).replace("|", "\\|")


if __name__ == "__main__":
    click.echo(text(), nl=False)
