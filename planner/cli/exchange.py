"""``chromplan history export``, ``merge`` and ``prune``: a history handed to others, or made smaller."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from planner.actions.opening import open_project, open_store, recorded
from planner.cli.ui.options import project_option, store_option
from planner.core.errors import InputError
from planner.core.wording import count


@click.command("export")
@click.option("--tool", help="Only this tool.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="The file to write (default: the terminal)."
)
@store_option
@project_option
def export(folder: Path, tool: str | None, out: Path | None) -> None:
    """Write the history as JSON lines to share, without names, samples, paths, job ids or dates."""
    from planner.core import files
    from planner.history import exchange

    found = recorded(open_project(folder), tool=tool)
    if not found:
        raise InputError("nothing is recorded", "'chromplan history import FILE…' reads what earlier jobs used")
    text = "".join(exchange.dumps(found))
    if out is None:
        click.echo(text, nl=False)
        return
    files.write_text(out, text)
    tools = ", ".join(sorted({one.tool for one in found}))
    click.echo(f"{out}: {count(len(found), 'attempt')} of {tools}")
    click.echo(f"kept of each: {', '.join(exchange.KEPT)}")


@click.command("merge")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@store_option
@project_option
def merge(folder: Path, files: tuple[Path, ...]) -> None:
    """Add histories that others exported; merging a file again changes nothing."""
    from planner.history import exchange
    from planner.history.source import TextSource

    found = [one for path in files for one in exchange.loads(TextSource.of_file(path))]
    with open_store(open_project(folder)) as store:
        counts = exchange.merge(store, found)
    click.echo(counts)


@click.command("prune")
@click.option("--tool", help="Only this tool.")
@click.option("--before", type=click.DateTime(["%Y-%m-%d"]), help="Attempts that ended before this day.")
@click.option("--source", help="Only attempts from this source: sacct, table, shared …")
@store_option
@project_option
def prune(folder: Path, tool: str | None, before: datetime | None, source: str | None) -> None:
    """Delete the attempts that match all of the given options."""
    if tool is None and before is None and source is None:
        raise InputError("prune what?", "give --tool, --before or --source")
    with open_store(open_project(folder)) as store:
        removed = store.remove(tool=tool, before_s=None if before is None else int(before.timestamp()), source=source)
    click.echo(f"history: {count(removed, 'attempt')} deleted")
