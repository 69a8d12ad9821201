"""``chromplan init``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from planner.cli.ui import completion, terminal
from planner.cli.ui.options import project_option
from planner.cli.ui.output import in_place
from planner.cli.ui.progress import working
from planner.core import human
from planner.core.errors import InputError
from planner.core.modes import MODES


@click.command("init")
@click.option("--name", help="The pipeline's name; jobs are named after it.")
@click.option("--tool", help="The tool whose memory is learnt.")
@click.option("--command", help="Bash command with placeholders, run once per task.")
@click.option(
    "--genome",
    shell_complete=completion.genomes,
    default=human.DEFAULT,
    show_default=True,
    help="A bundled genome, or a file with lengths: .fai, .dict, .sizes, VCF, BAM.",
)
@click.option(
    "--chromosomes", help="Chromosomes, such as 1-22,X (default: 1-22 of a human genome, all contigs of another)."
)
@click.option("--sample", "sample_names", multiple=True, help="A sample's name; may be repeated.")
@click.option(
    "--samples",
    shell_complete=completion.files,
    help="A table or list of samples (default: samples.tsv, .csv or .txt, where there is one).",
)
@click.option("--cpus", type=click.IntRange(min=1), default=1, show_default=True, help="CPUs of a task.")
@click.option("--time", help="A task's first time limit (default: 24:00:00, or the site's longest).")
@click.option(
    "--site",
    shell_complete=completion.sites,
    help="A site from 'chromplan site list' (default: the cluster of this machine, else local).",
)
@click.option("--partition", help="A partition of the site.")
@click.option("--account", help="The account to charge, as in sbatch --account.")
@click.option(
    "--mode",
    type=click.Choice(MODES),
    default="array",
    show_default=True,
    help="How a plan becomes jobs.",
)
@click.option("--force", is_flag=True, help="Overwrite an existing chromplan.toml.")
@project_option
def command(folder: Path, force: bool, sample_names: tuple[str, ...], **given: Any) -> None:
    """Write a commented chromplan.toml.

    On a terminal, asks for whatever the options leave open; elsewhere, fills in an example. Never writes a file that
    'chromplan plan' would refuse.
    """
    from planner.actions import starting
    from planner.core import config as configuration
    from planner.core import files

    path = folder / configuration.FILE
    if path.exists() and not force:
        raise InputError(f"{path} exists already", "edit it, or overwrite it with --force")
    if sample_names and given["samples"]:
        raise InputError("--sample and --samples cannot be combined", "give the names one by one, or a file, not both")
    wanted = {name: value for name, value in given.items() if value is not None}
    if sample_names:
        wanted["samples"] = list(sample_names)
    values = _answers(wanted, folder)
    text = starting.check(values, folder)
    files.write_text(path, text)
    click.echo(f"wrote {path}: {_what(folder)}")
    if "command" not in wanted and not _a_person_is_there():
        click.echo(f"note: its command is an example, to be replaced by yours: {values['command']}")
    click.echo(in_place("next: chromplan history import, or chromplan plan"))


def _answers(wanted: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return every value: what was wanted, what could be found, what a person answers, examples for the rest."""
    from planner.actions import starting

    # each answer is checked beside those before it; the example command goes with the tool and the samples
    values: dict[str, Any] = {
        name: wanted[name] for name in ("genome", "chromosomes", "cpus", "mode") if name in wanted
    }
    values["name"] = wanted.get("name") or _ask("name of the pipeline", "impute", _refused("name", values, folder))
    values["samples"] = wanted["samples"] if "samples" in wanted else _ask_samples(folder)
    several = bool(values["samples"])
    tool = "beagle" if several else "plink2"
    values["command"] = starting.example(tool, samples=several)
    values["tool"] = wanted.get("tool") or _ask("tool", tool, _refused("tool", values, folder))
    values["command"] = starting.example(values["tool"], samples=several)
    ask_command = _refused("command", values, folder)
    values["command"] = wanted.get("command") or _ask("command", values["command"], ask_command)
    values |= {name: wanted[name] for name in ("partition", "account") if name in wanted}
    values["site"] = wanted.get("site") or _ask_site(values, folder)
    default = starting.longest_time(folder, values["site"], values.get("partition"), str(starting.DEFAULTS["time"]))
    values["time"] = wanted.get("time") or default
    return values


def _ask_samples(folder: Path) -> list[str] | str:
    from planner.actions import starting

    found = starting.find_samples(folder)
    if not _a_person_is_there():
        return found or []

    of_each = {"command": starting.example("beagle", samples=True)}

    def refused(answer: str) -> InputError | None:
        return starting.wrong("samples", _read_samples(answer, folder), of_each, folder)

    answer = _ask("samples: names, or a file with them; none for one run over all", found or "none", refused)
    return _read_samples(answer, folder)


def _read_samples(answer: str, folder: Path) -> list[str] | str:
    answer = answer.strip()
    if answer in ("", "none"):
        return []
    looks_like_file = "/" in answer or answer.endswith((".tsv", ".csv", ".txt"))
    return answer if looks_like_file or (folder / answer).is_file() else answer.replace(",", " ").split()


def _ask_site(values: dict[str, Any], folder: Path) -> str:
    from planner.actions import starting

    with working("asking Slurm what this cluster is"):
        found = starting.find_site(folder)
    if found.said:
        click.echo(found.said, err=True)
    return _ask("site", found.name, _refused("site", values, folder))


def _refused(field: str, values: dict[str, Any], folder: Path) -> Callable[[str], InputError | None]:
    from planner.actions import starting

    known = dict(values)
    return lambda answer: starting.wrong(field, answer, known, folder)


def _ask(what: str, example: str, refused: Callable[[str], InputError | None]) -> str:
    """Return a person's answer, asked for again until it can be used; the example where nobody is there."""
    from planner.core import config as configuration

    if not _a_person_is_there():
        return example

    while True:
        try:
            answer: str = click.prompt(what, default=example, err=True)
        except click.Abort:
            click.echo(err=True)  # the question's line ends here
            raise
        error = refused(answer)
        if error is None:
            return answer
        # there is no such file yet that the error could be in
        said = error.message
        terminal.say_error(said.partition(f"{configuration.FILE}: ")[2] or said, error.hint)


def _a_person_is_there() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _what(folder: Path) -> str:
    """Return ``3 samples × 22 chromosomes, site cannon``."""
    from planner.core import config as configuration
    from planner.core import pipelines
    from planner.core.wording import count
    from planner.project.regions import regions_of

    config = pipelines.load(folder / configuration.FILE)
    chromosomes = count(len(regions_of(config, folder)), "region" if config.pipeline.cuts else "chromosome")
    table = pipelines.samples(config, folder)
    samples = f"{count(len(table), 'sample')} × " if table[0].name else ""
    return f"{samples}{chromosomes}, site {config.submit.site}"
