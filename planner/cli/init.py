"""``chromplan init``."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from planner.cli.plan import MODES
from planner.cli.ui.options import project_option
from planner.core.errors import InputError

EXAMPLE = "beagle gt=input/{sample}.chr{chromosome}.vcf.gz out=output/{sample}.chr{chromosome} nthreads={cpus}"
EXAMPLE_COHORT = (
    "plink2 --vcf input/chr{chromosome}.vcf.gz --threads {cpus} --memory {mem_mb} --out output/chr{chromosome}"
)


@click.command("init")
@click.option("--name", help="Names the jobs.")
@click.option("--tool", help="The tool whose memory is learnt.")
@click.option("--command", "bash", help="Bash with placeholders, run once per task.")
@click.option("--genome", default="GRCh38", show_default=True, help="GRCh37, GRCh38 or T2T-CHM13.")
@click.option("--chromosomes", default="1-22", show_default=True, help="As in 1-22,X.")
@click.option("--sample", "samples", multiple=True, help="A sample's name; may be repeated.")
@click.option("--cpus", type=click.IntRange(min=1), default=1, show_default=True, help="Of a task.")
@click.option("--time", default="24:00:00", show_default=True, help="Time limit of a task at first.")
@click.option("--site", default="local", show_default=True, help="See 'chromplan site list'.")
@click.option("--partition", help="One of the site's.")
@click.option("--account", help="Who pays.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="array",
    show_default=True,
    help="How a plan becomes jobs.",
)
@click.option("--force", is_flag=True, help="Overwrite a chromplan.toml that is there.")
@project_option
def command(folder: Path, force: bool, bash: str | None, samples: tuple[str, ...], **values: object) -> None:
    """Write a commented chromplan.toml.

    Asks for what the flags leave open when a person is at the terminal, else takes an example.
    """
    from planner.core import files, templates
    from planner.core.config import FILE, Config
    from planner.core.documents import parse_toml

    path = folder / FILE
    if path.exists() and not force:
        raise InputError(f"{path} exists already", "edit it, or overwrite it with --force")
    values["name"] = values["name"] or _ask("name of the pipeline", "impute")
    values["tool"] = values["tool"] or _ask("tool", "beagle" if samples else "plink2")
    bash = bash or _ask("command", EXAMPLE if samples else EXAMPLE_COHORT)
    environment = templates.environment()
    environment.filters["toml"] = templates.toml_value
    text = (
        environment.get_template("chromplan.toml.j2").render(command=bash, samples=list(samples), **values).rstrip()
        + "\n"
    )
    parse_toml(text, Config, path=path)  # what is written can be read
    files.write_text(path, text)
    click.echo(f"wrote {path}; next: chromplan history import, or chromplan plan")


def _ask(what: str, example: str) -> str:
    if not sys.stdin.isatty():
        return example
    answer: str = click.prompt(what, default=example)
    return answer
