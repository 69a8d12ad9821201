"""``chromplan simulate``: past jobs, replayed under other ways to ask for memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planner.cli import simulate_view as view
from planner.cli.ui import completion
from planner.cli.ui.options import memory, plot_option, project_option
from planner.cli.ui.output import echo_json, json_option, tell_skipped
from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.memory.heldout import HeldOut

# the last one knows the peaks beforehand: a bound, which nobody can reach
STRATEGIES = ("recorded", "uniform", "doubling", "paper", "array", "packed", "dynamic", "known")
# many jobs average chance out by themselves
_RUNS, _RUNS_OF_MANY, _MANY = 20, 3, 300


@click.command("simulate")
@click.option(
    "--table",
    "table_file",
    type=click.Path(path_type=Path),
    help="Past runs from a table, instead of the project's history.",
)
@click.option(
    "--tool",
    shell_complete=completion.tools,
    help="The tool whose jobs are replayed (default: that of chromplan.toml, or the only one).",
)
@click.option(
    "--only", "only", multiple=True, metavar="SAMPLE", help="Replay this sample's jobs only; may be repeated."
)
@click.option(
    "--feature",
    "features",
    multiple=True,
    metavar="NAME[=COLUMN]",
    help="Predict from this feature, with --table from this column; may be repeated.",
)
@click.option("--peak", help="--table: the column with the peak, MiB or with a unit.")
@click.option("--wall", help="--table: the column with the wall time, seconds or HH:MM:SS.")
@click.option("--limit", help="--table: the column with the memory limit.")
@click.option("--chromosome", help="--table: the column with the chromosome.")
@click.option("--sample", help="--table: the column with the sample.")
@click.option(
    "--genome",
    shell_complete=completion.genomes,
    help="--table: adds length_mb (default: that of chromplan.toml, else GRCh38).",
)
@click.option(
    "--site",
    "site_name",
    shell_complete=completion.sites,
    help="The site whose nodes run them (default: that of chromplan.toml).",
)
@click.option("--partition", help="The partition of the site whose nodes run them.")
@click.option("--nodes", type=click.IntRange(min=1), help="How many nodes, for example your share of them.")
@click.option("--mem", help="Memory of a node, as 64G.")
@click.option("--cpus", type=click.IntRange(min=1), help="Cores of a node.")
@click.option("--uniform", help="The one --mem you use for all jobs (default: 1.1 x the largest peak).")
@click.option("--first", help="doubling: the first request (default: 1.1 x the median peak).")
@click.option(
    "--evidence",
    type=click.Choice(("others", "earlier")),
    default="others",
    show_default=True,
    help="What a job is predicted from: all other samples, or what had ended before its sample was submitted.",
)
@click.option(
    "--strategy",
    "strategies",
    multiple=True,
    type=click.Choice(STRATEGIES),
    help="Only this strategy; may be repeated.",
)
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    help=f"Number of replays, which differ by chance (default: {_RUNS}; {_RUNS_OF_MANY} above {_MANY} jobs).",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed gives the same figures."
)
@plot_option("it")
@json_option
@project_option
def command(folder: Path, plot_file: Path | None, as_json: bool, **asked: Any) -> None:
    """Replay past jobs with other ways of asking for memory.

    Compares one --mem for all, retries that double, the paper's dynamic scheduler, and chromplan, by makespan, jobs
    killed for memory, and memory x time reserved. No job is predicted from what it used itself.
    """
    from planner.cli.ui.progress import progress
    from planner.replay import replay
    from planner.replay.strategies import Strategy

    with progress("replaying") as report:
        replayed = _prepare(folder, asked, lambda share: report(share / 2))
        asked["runs"] = asked["runs"] or (_RUNS if len(replayed.work.jobs) <= _MANY else _RUNS_OF_MANY)
        outcomes = replay.replay(
            replayed.work,
            replayed.target,
            runs=asked["runs"],
            seed=asked["seed"],
            strategies=[Strategy(name) for name in asked["strategies"] or STRATEGIES],
            report=lambda share: report((1 + share) / 2),
        )
    if "recorded" in asked["strategies"] and not replayed.work.recorded:
        raise InputError(
            "not every job's limit is on record, so 'recorded' cannot be replayed", "leave out --strategy recorded"
        )
    if plot_file:
        view.plot(plot_file, replayed, outcomes)
    if as_json:
        echo_json(view.document(replayed, outcomes, asked))
        return
    view.show(replayed, outcomes, asked)
    if plot_file:
        click.echo(f"drew {plot_file}")


def _prepare(folder: Path, asked: dict[str, Any], report: Any) -> view.Replayed:
    from planner.actions import simulation as simulated
    from planner.memory import heldout
    from planner.replay import past

    asked["mem_mb"] = memory("--mem", asked["mem"])
    history = simulated.read(folder, asked, tell=tell_skipped)
    cap_mb = simulated.largest_node_mb(history, asked)
    found, left_out = heldout.predict(
        history.observations,
        heldout.Asked(
            tool=history.tool,
            feature_names=history.feature_names,
            level=history.level,
            cap_mb=cap_mb,
            poll_s=history.poll_s,
            seed=asked["seed"],
        ),
        evidence=heldout.Evidence(asked["evidence"]),
        wanted=lambda row: not asked["only"] or row.sample in asked["only"],
        report=report,
    )
    work, untimed = past.workload(
        found, uniform_mb=memory("--uniform", asked["uniform"]), first_mb=memory("--first", asked["first"])
    )
    reasons = dict(left_out) | untimed
    if work is None:
        raise _nothing(history.tool, found, reasons, asked["only"])
    return view.Replayed(
        tool=history.tool,
        work=work,
        target=simulated.target(history, work, asked),
        left_out=reasons,
        samples=len({row.sample for row in history.observations}),
    )


def _nothing(tool: str, found: Sequence[HeldOut], reasons: Mapping[str, int], only: Sequence[str]) -> InputError:
    why = ", ".join(f"{count} left out ({reason})" for reason, count in sorted(reasons.items()))
    if only and not found:
        return InputError(
            f"no completed job of {tool} belongs to {', '.join(only)}", "'chromplan history show' lists the samples"
        )
    return InputError(
        f"no past job of {tool} can be replayed: {why or 'there is none'}",
        "a job needs a peak and a run time; 'chromplan history show' lists what is recorded",
    )
