"""``chromplan history``: what earlier jobs really used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planner.actions.planning import genome_lengths, load_site, open_project, open_store
from planner.cli.ui.options import project_option
from planner.cli.ui.output import echo_json, echo_table, json_option, tell_skipped
from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.core.records import Observation
    from planner.history.reading import HistoryRead
    from planner.history.sacct.labels import Labels
    from planner.history.summary import Summary
    from planner.project.folder import Project

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = ("sacct", "nextflow", "snakemake", "table")
_SUMMARY_COLUMNS = (
    *("tool", ">attempts", ">completed", ">oom", ">other", ">usable peaks", ">min MB", ">median MB", ">max MB"),
    *(">asked/used", ">median wall s"),
)


@click.group("history")
def command() -> None:
    """Import, collect and show what earlier jobs used."""


def naming_options(function: F) -> F:
    """Add the options that tell which task a job of the accounting was."""
    options = [
        click.option("--tool", help="The tool of these jobs; of a Nextflow trace, the process to take."),
        click.option("--genome", help="Adds length_mb (default: that of chromplan.toml, else GRCh38)."),
        click.option("--name-pattern", help="Regular expression for job names, with groups tool, sample, chromosome."),
        click.option(
            "--array-is-chromosome", is_flag=True, help="The array index is the chromosome (23 X, 24 Y, 25 MT)."
        ),
        click.option(
            "--poll",
            "poll_s",
            type=click.FloatRange(min=0),
            help="The site's JobAcctGatherFrequency in seconds [30]; a peak sampled in fewer than 3 polls is missing.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@command.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(FORMATS), help="Found out from the file when not given.")
@naming_options
@click.option("--columns", help="sacct: the columns, comma-separated, when there is no header.")
@click.option("--path-pattern", help="snakemake: for example benchmarks/{rule}/{sample}.chr{chromosome}.tsv.")
@click.option("--peak", help="table: the column with the peak, MiB or with a unit.")
@click.option("--wall", help="table: the column with the wall time, seconds or HH:MM:SS.")
@click.option("--limit", help="table: the column with the memory limit.")
@click.option("--chromosome", help="table: the column with the chromosome.")
@click.option("--sample", help="table: the column with the sample.")
@click.option("--feature", "features", multiple=True, metavar="NAME=COLUMN", help="table: a feature; may be repeated.")
@click.option("--sampled", is_flag=True, help="table: the peaks were polled, so they may be too low.")
@project_option
def import_(folder: Path, files: tuple[Path, ...], **options: Any) -> None:
    """Read sacct text or JSON, Nextflow traces, Snakemake benchmarks or tables into the history.

    Importing a file again changes nothing. Either all files are recorded, or, on an error, none.
    """
    project = open_project(folder)
    reads = [(path, *_read_file(path, options)) for path in files]
    lengths = genome_lengths(project, options["genome"])
    for path, kind, read in reads:
        click.echo(f"{path}: {kind}, {len(read.observations)} attempts, {len(read.skipped)} skipped")
        tell_skipped(read.skipped)
    _record(project, [read for _, _, read in reads], lengths)


@command.command("collect")
@click.option("--job", "jobs", multiple=True, metavar="ID", help="A job or array id; may be repeated.")
@click.option("--name", "names", multiple=True, help="An exact job name, with -S and -E; may be repeated.")
@click.option("-S", "--start", help="As sacct takes it, for example 2026-01-01 or now-7days.")
@click.option("-E", "--end", help="As sacct takes it, for example now.")
@click.option(
    "-M", "--clusters", metavar="NAME", help="The cluster asked about; that of the project's site without it."
)
@naming_options
@project_option
def collect(
    folder: Path,
    jobs: tuple[str, ...],
    names: tuple[str, ...],
    start: str | None,
    end: str | None,
    clusters: str | None,
    **options: Any,
) -> None:
    """Ask Slurm's accounting about some jobs: one bounded sacct call."""
    from planner import slurm
    from planner.history.sacct import labels
    from planner.history.sacct import read as sacct

    project = open_project(folder)
    try:
        argv = sacct.arguments(jobs, names=names, start=start, end=end)
    except ValueError as error:
        raise InputError(str(error), "give --job ID, or --name NAME with -S and -E") from None
    wanted = _labels(options)
    text = slurm.run(argv, environment=sacct.ENVIRONMENT, cluster=clusters or _cluster(project))
    read = labels.label(sacct.read_text(text, poll_s=_poll_s(options)), wanted)
    click.echo(f"sacct: {len(read.observations)} attempts, {len(read.skipped)} skipped")
    tell_skipped(read.skipped)
    _record(project, [read], genome_lengths(project, options["genome"]))


@command.command("show")
@click.option("--tool", help="Only this tool.")
@click.option("--task", help="Only this task.")
@click.option("--summary", is_flag=True, help="One row per tool.")
@json_option
@project_option
def show(folder: Path, tool: str | None, task: str | None, summary: bool, as_json: bool) -> None:
    """Show the recorded attempts, or with --summary what each tool needed."""
    project = open_project(folder)
    found: list[Observation] = []
    if project.store_path.exists():
        with open_store(project) as store:
            found = store.observations(tool=tool, task=task)
    if summary:
        _show_summary(found, as_json)
    elif as_json:
        from dataclasses import asdict

        echo_json([asdict(observation) for observation in found])
    elif found:
        echo_table(
            ["tool", "task", "outcome", "quality", ">peak MB", ">limit MB", ">wall s", "job"],
            [(o.tool, o.task, o.outcome, o.quality, _peak(o), o.limit_mb, _whole(o.wall_s), o.job_id) for o in found],
        )
    if not found and not as_json:
        click.echo("nothing is recorded: 'chromplan history import FILE…' reads what earlier jobs used")


def _read_file(path: Path, options: dict[str, Any]) -> tuple[str, HistoryRead]:
    from planner.history import reading
    from planner.history.readers import nextflow, snakemake, tables
    from planner.history.sacct import labels
    from planner.history.sacct import read as sacct

    text = reading.load_text(path)
    kind = options["kind"] or reading.guess_format(text)
    source, tool = str(path), options["tool"]
    if kind == "nextflow":
        return kind, nextflow.read_trace(text, tool=tool, source=source)
    if kind == "snakemake":
        pattern = snakemake.path_pattern(options["path_pattern"]) if options["path_pattern"] else None
        return kind, snakemake.read_benchmark(text, path=path.as_posix(), pattern=pattern, tool=tool)
    if kind == "table":
        from planner.core.records import Quality

        quality = Quality.SAMPLED if options["sampled"] else Quality.MEASURED
        return kind, tables.read_table(
            text, columns=tables.columns_named(options), tool=tool, quality=quality, source=source
        )
    columns = [name.strip() for name in options["columns"].split(",")] if options["columns"] else None
    wanted = _labels(options)
    read = sacct.read(text, columns=columns, poll_s=_poll_s(options), strict=True, source=source)
    return kind, labels.label(read, wanted)


def _labels(options: dict[str, Any]) -> Labels:
    from planner.history.sacct import labels

    pattern = options["name_pattern"]
    wanted = labels.Labels(
        tool=options["tool"],
        pattern=labels.name_pattern(pattern) if pattern else None,
        array_is_chromosome=options["array_is_chromosome"],
    )
    labels.check_tool(wanted)
    return wanted


def _poll_s(options: dict[str, Any]) -> float:
    from planner.core.sampling import POLL_S

    given: float | None = options["poll_s"]
    return POLL_S if given is None else given


def _cluster(project: Project) -> str | None:
    """Return the cluster that the project's jobs go to, where it is not the one of the login node."""
    if not project.config_path.exists():
        return None
    config = project.config()
    return load_site(project, config).cluster(config.submit.partition)


def _record(project: Project, reads: Sequence[HistoryRead], lengths: dict[str, int]) -> None:
    from planner.history.sacct.labels import add_length

    observations = [one for read in reads for one in add_length(read, lengths).observations]
    if not observations:
        raise InputError("no attempt was read", "the reasons are above; nothing was recorded")
    untrusted = sum("MaxRSS" in one.evidence and "not trusted" in one.evidence for one in observations)
    if untrusted:
        click.echo(f"{untrusted} peaks count as missing: fewer than 3 polls; if the site polls more often, say --poll")
    with open_store(project) as store:
        counts = store.add(observations, guessed=True)
    click.echo(f"history: {counts.new} new, {counts.updated} updated, {counts.unchanged} unchanged")


def _show_summary(found: Sequence[Observation], as_json: bool) -> None:
    from planner.history.summary import summarize

    rows = summarize(found)
    if as_json:
        from dataclasses import asdict

        echo_json([asdict(row) for row in rows])
    elif rows:
        echo_table(_SUMMARY_COLUMNS, [_summary_cells(row) for row in rows])


def _summary_cells(row: Summary) -> tuple[object, ...]:
    sizes = (_whole(size) for size in (row.min_mb, row.median_mb, row.max_mb))
    ratio = "" if row.asked_per_used is None else f"{row.asked_per_used:.1f}"
    return (row.tool, row.attempts, row.completed, row.oom, row.other, row.peaks, *sizes, ratio, _whole(row.wall_s))


def _peak(observation: Observation) -> str:
    if observation.peak_mb is None:
        return ""
    bound = "≥ " if observation.quality == "censored" or observation.outcome != "completed" else ""
    return f"{bound}{observation.peak_mb:.0f}"


def _whole(number: float | None) -> str:
    return "" if number is None else f"{number:.0f}"
