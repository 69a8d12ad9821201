"""``chromplan record``: a command run anywhere, what it used recorded."""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.actions.opening import genome_lengths, open_project, open_store
from planner.cli.ui.options import project_option, store_option
from planner.core import levels
from planner.core.errors import InputError, PlannerError

if TYPE_CHECKING:
    from planner.core.records import Outcome
    from planner.runner.recorded import RecordedRun

_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


@click.command("record")
@click.option("--tool", help="The tool (default: the command's name).")
@click.option("--task", help="The task (default: sample and chromosome, else the tool).")
@click.option("--sample", default="", help="The sample.")
@click.option("--chromosome", default="", help="The chromosome; adds length_mb.")
@click.option(
    "--feature",
    "features",
    multiple=True,
    metavar="NAME=NUMBER",
    help="A feature's value, or NAME=text:WORD; may be repeated.",
)
@click.option(
    "--input",
    "inputs",
    multiple=True,
    type=click.Path(path_type=Path),
    help="An input file; may be repeated. Their total size is the feature input_mb.",
)
@click.option("--cpus", type=click.IntRange(min=1), default=1, show_default=True, help="CPUs that the command uses.")
@store_option
@project_option
@click.argument("command_line", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    folder: Path,
    command_line: tuple[str, ...],
    tool: str | None,
    task: str | None,
    sample: str,
    chromosome: str,
    features: tuple[str, ...],
    inputs: tuple[Path, ...],
    cpus: int,
) -> None:
    """Run a command anywhere and record what it used.

    chromplan record [OPTIONS] -- COMMAND adds the peak memory of the command's process tree, its run time and its
    features to the history. Its exit code and signals are passed on.
    """
    from planner.core.records import Observation, Outcome, Quality
    from planner.history.labels import plain_chromosome, with_length
    from planner.runner import recorded

    project = open_project(folder)
    lengths = genome_lengths(project, None)
    known = given_features(features, inputs)
    try:
        run = recorded.run(command_line)
    except OSError as error:
        click.echo(f"error: {command_line[0]}: {error.strerror}", err=True)
        click.echo("hint: check the command and its path", err=True)
        missing = isinstance(error, FileNotFoundError)
        raise click.exceptions.Exit(_NOT_FOUND if missing else _NOT_EXECUTABLE) from None
    limit_mb, plain = _limit_mb(), plain_chromosome(chromosome)
    outcome, evidence = _judge(run, limit_mb)
    oom = outcome is Outcome.OOM
    named = ".".join(part for part in (sample, f"chr{plain}" if plain else "") if part)
    used = tool or Path(command_line[0]).name
    observation = Observation(
        tool=used,
        task=task or named or used,
        sample=sample,
        chromosome=plain,
        features=known,
        peak_mb=max(run.peak_mb, limit_mb or 0.0) if oom else run.peak_mb,
        limit_mb=limit_mb,
        wall_s=run.wall_s,
        outcome=outcome,
        quality=Quality.CENSORED if oom else run.quality,
        job_id=f"record:{socket.gethostname()}:{os.getpid()}",
        submit_s=int(run.start_s),
        cpus=cpus,
        start_s=int(run.start_s),
        end_s=int(run.end_s),
        evidence=evidence,
        source="record",
    )
    try:
        with open_store(project) as store:
            store.add([with_length(observation, lengths)])
    except (PlannerError, OSError) as error:
        from planner.core import failures

        said = error if isinstance(error, PlannerError) else failures.explained(error)
        click.echo(f"chromplan record: not recorded: {said.message if said else error}", err=True)
    raise click.exceptions.Exit(run.exit_code)


def _judge(run: RecordedRun, limit_mb: int | None) -> tuple[Outcome, str]:
    from planner.core.exits import KILLED
    from planner.core.records import Outcome
    from planner.core.sampling import near_limit

    evidence = f"exit code {run.exit_code}; {run.evidence}"
    if run.exit_code == 0:
        return Outcome.COMPLETED, evidence
    if run.exit_code == KILLED and near_limit(run.peak_mb, limit_mb):
        return Outcome.OOM, f"{evidence} (killed near its limit; suspected)"
    return Outcome.FAILED, evidence


def _limit_mb() -> int | None:
    """Return the memory that Slurm gave the job on this node, MiB; None outside of a job."""
    per_node, per_cpu = os.environ.get("SLURM_MEM_PER_NODE", ""), os.environ.get("SLURM_MEM_PER_CPU", "")
    cpus = os.environ.get("SLURM_CPUS_ON_NODE", "1")
    if per_node.isdecimal() and int(per_node):
        return int(per_node)
    return int(per_cpu) * int(cpus) if per_cpu.isdecimal() and cpus.isdecimal() and int(per_cpu) else None


def given_features(given: Sequence[str], inputs: Sequence[Path]) -> dict[str, float]:
    """Return the features of ``--feature`` and ``--input``.

    Raises
    ------
    InputError
        For a feature that is not ``NAME=NUMBER`` or ``NAME=text:WORD``, or a file that cannot be read.
    """
    import math

    from planner.core.units import BYTES_PER_MB

    features: dict[str, float] = {}
    for one in given:
        name, equals, text = one.partition("=")
        if name.strip() and text.startswith(levels.TEXT) and levels.column(text).strip():
            features |= levels.kept(name.strip(), levels.column(text))
            continue
        try:
            features[name.strip()] = float(text)
        except ValueError:
            equals = ""
        if not (equals and name.strip() and math.isfinite(features.get(name.strip(), math.nan))):
            raise InputError(
                f"--feature {one!r}: NAME=NUMBER is expected",
                "for example --feature variants=120000 --feature collector=text:G1",
            )
    if inputs:
        try:
            features["input_mb"] = sum(path.stat().st_size for path in inputs) / BYTES_PER_MB
        except OSError as error:
            raise InputError(f"--input {error.filename}: {error.strerror}", "check the path") from None
    return features
