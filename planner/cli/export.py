"""``chromplan export``."""

from __future__ import annotations

from pathlib import Path

import click

from planner.cli.ui import completion
from planner.cli.ui.options import memory, project_option, store_option
from planner.cli.ui.progress import working
from planner.core.errors import InputError
from planner.core.wording import count
from planner.export.targets import TARGETS


@click.command("export")
@click.argument("sources", nargs=-1, metavar="[[RULE=]PLAN]…")
@click.option("--to", "target", required=True, type=click.Choice(TARGETS), help="The format to write.")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to (default: this one; a table goes to the terminal).",
)
@click.option(
    "--tool",
    "tools",
    multiple=True,
    shell_complete=completion.tools,
    help="Use the history of this tool, instead of plans; may be repeated.",
)
@click.option(
    "--import",
    "imported",
    multiple=True,
    metavar="FILE",
    help="First record what the engine's last run used: a trace, metadata.json, or Snakemake's benchmarks as "
    "'benchmarks/{rule}/{sample}.chr{chromosome}.tsv'; may be repeated.",
)
@click.option(
    "--site", shell_complete=completion.sites, help="With a history: limit requests to this cluster's largest node."
)
@click.option("--overhead", metavar="MEM", help="Memory the engine itself uses in each job, added to each request.")
@click.option("--workflow", help="wdl: the workflow that takes the requests as inputs [main].")
@store_option
@project_option
def command(
    folder: Path,
    sources: tuple[str, ...],
    target: str,
    out: Path | None,
    tools: tuple[str, ...],
    imported: tuple[str, ...],
    site: str | None,
    overhead: str | None,
    workflow: str | None,
) -> None:
    """Write the tasks' requests for Snakemake, Nextflow or WDL.

    Takes plans (plan.json files, or project folders, whose tasks are all planned anew) or, with --tool, a tool's
    history. By default, exports this project's plan; without a project, all tools of the history. Changes nothing else;
    run it again when more is known.
    """
    from planner.actions import exporting
    from planner.core import files

    if workflow is not None and target != "wdl":
        raise InputError(f"--workflow does not apply to {target}", "it is for wdl; leave it out")
    wanted = exporting.Exporting(
        folder=folder,
        sources=sources,
        tools=tools,
        site=site,
        overhead_mb=memory("--overhead", overhead) or 0,
        workflow=workflow or "main",
    )
    if imported:
        with working("reading what the last run used"):
            counts = exporting.record(folder, imported)
        click.echo(counts, err=True)
    with working("planning"):
        rules, written, notes = exporting.export(wanted, target)
    for note in notes:
        click.echo(f"note: left out: {note}", err=True)
    if target == "table" and out is None:
        click.echo("".join(written.values()), nl=False)
        return
    place = out or Path()
    for name, text in written.items():
        files.make_folder((place / name).parent)
        files.write_text(place / name, text)
    told = ", ".join(f"{rule.name} ({count(len(rule.tasks), 'task')})" for rule in rules)
    click.echo(f"wrote {', '.join(str(place / name) for name in written)}: {told}")
