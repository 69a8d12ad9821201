"""``chromplan history``: what earlier jobs really used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planner.actions.opening import genome_lengths, load_site, open_project, open_store, recorded
from planner.cli import exchange
from planner.cli.ui import completion
from planner.cli.ui.options import project_option, store_option
from planner.cli.ui.output import echo_json, echo_table, json_option, tell_reasons, tell_skipped
from planner.cli.ui.progress import working
from planner.core.errors import InputError
from planner.core.wording import count

if TYPE_CHECKING:
    from planner.core.records import Observation
    from planner.history.importing import FileReport
    from planner.history.labels import Labels
    from planner.history.readers import ReadOptions
    from planner.history.summary import Summary
    from planner.project.folder import ProjectFolder

F = TypeVar("F", bound=Callable[..., Any])
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
        click.option(
            "--tool",
            shell_complete=completion.tools,
            help="The tool of these jobs; for a Nextflow trace, the process to read.",
        ),
        click.option(
            "--genome",
            shell_complete=completion.genomes,
            help="The genome for the feature length_mb (default: that of chromplan.toml, else GRCh38).",
        ),
        click.option(
            "--name-pattern", help="Regular expression for job names, with named groups: tool, sample, chromosome."
        ),
        click.option(
            "--array-is-chromosome", is_flag=True, help="The array index is the chromosome (23 X, 24 Y, 25 MT)."
        ),
        click.option(
            "--name-is-task", is_flag=True, help="If a job's name has no chromosome, use the name itself as the task."
        ),
        click.option(
            "--poll",
            "poll_s",
            type=click.FloatRange(min=0),
            help="The site's JobAcctGatherFrequency in seconds (default: 30). "
            "A peak sampled in fewer than 3 polls counts as missing.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@command.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--format", "kind", help="Detected from the file when not given.")
@naming_options
@click.option("--columns", "sacct_columns", help="sacct: the columns, comma-separated, when there is no header.")
@click.option("--path-pattern", help="snakemake: for example benchmarks/{rule}/{sample}.chr{chromosome}.tsv.")
@click.option("--peak", help="table: the column with the peak, MiB or with a unit.")
@click.option("--wall", help="table: the column with the wall time, seconds or HH:MM:SS.")
@click.option("--limit", help="table: the column with the memory limit.")
@click.option("--chromosome", help="table: the column with the chromosome.")
@click.option("--sample", help="table: the column with the sample.")
@click.option(
    "--feature",
    "features",
    multiple=True,
    metavar="NAME=COLUMN",
    help="table: a feature and its column (NAME=text:COLUMN for words); COLUMN alone gives the feature the "
    "column's name; may be repeated.",
)
@click.option("--sampled", is_flag=True, help="table: the peaks were sampled, so they may be too low.")
@store_option
@project_option
def import_(folder: Path, files: tuple[Path, ...], **options: Any) -> None:
    """Add past jobs to the history, from sacct output, pipeline reports or tables.

    Importing a file again changes nothing. Either all files are recorded, or, on an error, none.
    """
    from planner.history.importing import NothingReadError, import_files

    project = open_project(folder)
    _check_options(files, options)
    lengths = genome_lengths(project, options["genome"])
    try:
        with working(f"reading {count(len(files), 'file')}"):
            reports, counts = import_files(
                project.store_path, files, _read_options(options), lengths_bp=lengths, kind=options["kind"]
            )
    except NothingReadError as error:
        for report in error.reports:
            _tell_report(report)
        raise
    for report in reports:
        _tell_report(report)
    _tell_untrusted(sum(report.untrusted for report in reports))
    click.echo(counts)


@command.command("collect")
@click.option("--job", "jobs", multiple=True, metavar="ID", help="A job or array id; may be repeated.")
@click.option("--name", "names", multiple=True, help="Jobs with exactly this name, with -S and -E; may be repeated.")
@click.option("-S", "--start", help="Start of the period, in sacct's notation: 2026-01-01, now-7days.")
@click.option("-E", "--end", help="End of the period, for example now.")
@click.option("-M", "--clusters", metavar="NAME", help="The cluster to query (default: that of the project's site).")
@naming_options
@store_option
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
    """Add past jobs to the history with one sacct call."""
    from planner import slurm
    from planner.history.labels import add_length, check_tool
    from planner.history.sacct import labels
    from planner.history.sacct import read as sacct

    project = open_project(folder)
    try:
        argv = sacct.arguments(jobs, names=names, start=start, end=end)
    except ValueError as error:
        raise InputError(str(error), "give --job ID, or --name NAME with -S and -E") from None
    wanted = _labels(options)
    check_tool(wanted)
    with working("asking Slurm's accounting"):
        text = slurm.run(argv, environment=sacct.ENVIRONMENT, cluster=clusters or _cluster(project))
    read = labels.label(sacct.read_text(text, poll_s=_poll_s(options)), wanted)
    click.echo(f"sacct: {count(len(read.observations), 'attempt')}, {len(read.skipped)} skipped")
    tell_skipped(read.skipped)
    if not read.observations:
        raise InputError(
            "no attempt was read", "correct the lines skipped above, and import it again; nothing was recorded"
        )
    _tell_untrusted(sum("not trusted" in one.evidence for one in read.observations))
    with open_store(project) as store:
        found = add_length(read, genome_lengths(project, options["genome"]))
        click.echo(store.add(found.observations, guessed=True))


@command.command("show")
@click.option("--tool", shell_complete=completion.tools, help="Only this tool.")
@click.option("--task", help="Only this task.")
@click.option("--summary", is_flag=True, help="One row per tool.")
@json_option
@store_option
@project_option
def show(folder: Path, tool: str | None, task: str | None, summary: bool, as_json: bool) -> None:
    """Show the recorded attempts, or with --summary what each tool needed."""
    found = recorded(open_project(folder), tool=tool, task=task)
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


def _read_options(options: Mapping[str, Any]) -> ReadOptions:
    from planner.core.records import Quality
    from planner.history.readers import ReadOptions, snakemake, tables

    columns = options["sacct_columns"]
    return ReadOptions(
        labels=_labels(options),
        poll_s=_poll_s(options),
        sacct_columns=tuple(name.strip() for name in columns.split(",")) if columns else None,
        path_pattern=snakemake.path_pattern(options["path_pattern"]) if options["path_pattern"] else None,
        columns=tables.columns_named(options),
        quality=Quality.SAMPLED if options["sampled"] else Quality.MEASURED,
    )


def _check_options(files: Sequence[Path], options: Mapping[str, Any]) -> None:
    """Refuse an option that does not apply to any of the files."""
    from planner.history import readers
    from planner.history.source import TextSource

    kind = options["kind"]
    if kind is not None and kind not in readers.names():
        known = ", ".join(readers.names())
        raise InputError(f"--format {kind}: not a format that chromplan reads", f"known formats: {known}")
    found = {readers.reader_for(TextSource.of_file(path), kind) for path in files}
    used = frozenset[str]().union(*(reader.USES for reader in found))
    for name, (option, users) in readers.options().items():
        if options[name] not in (None, False, ()) and name not in used:
            kinds = " and ".join(sorted(reader.NAME for reader in found))
            raise InputError(f"{option} does not apply to {kinds}", f"it is for {' and '.join(users)}; leave it out")


def _labels(options: Mapping[str, Any]) -> Labels:
    from planner.history import labels

    pattern = options["name_pattern"]
    return labels.Labels(
        tool=options["tool"],
        pattern=labels.name_pattern(pattern) if pattern else None,
        array_is_chromosome=options["array_is_chromosome"],
        name_is_task=options["name_is_task"],
    )


def _poll_s(options: Mapping[str, Any]) -> float:
    from planner.core.sampling import POLL_S

    given: float | None = options["poll_s"]
    return POLL_S if given is None else given


def _cluster(project: ProjectFolder) -> str | None:
    """Return the cluster that the project's jobs go to, where it is not the one of the login node."""
    if not project.config_path.exists():
        return None
    config = project.config()
    return load_site(project, config).cluster(config.submit.partition)


def _tell_report(report: FileReport) -> None:
    click.echo(f"{report.name}: {report.kind}, {count(report.attempts, 'attempt')}, {report.skips} skipped")
    tell_reasons(report.skipped)


def _tell_untrusted(untrusted: int) -> None:
    if untrusted:
        click.echo(f"{untrusted} peaks count as missing: fewer than 3 polls; if the site polls more often, give --poll")


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


for _part in (exchange.export, exchange.merge, exchange.prune):
    command.add_command(_part)
