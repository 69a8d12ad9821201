"""``chromplan simulate``: past jobs, replayed under other ways to ask for memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planner.cli.ui import completion
from planner.cli.ui.options import memory, project_option
from planner.cli.ui.output import echo_json, echo_table, json_option, tell_skipped
from planner.core.errors import InputError
from planner.core.wording import count

if TYPE_CHECKING:
    from planner.core.memory_time import MemoryTimeUnit
    from planner.memory.heldout import HeldOut
    from planner.plan.document import Target
    from planner.replay.past import Workload
    from planner.replay.replay import StrategyFigures

# the last one is what nobody can do
STRATEGIES = ("recorded", "uniform", "doubling", "paper", "array", "packed", "dynamic", "known")
_OURS = ("array", "packed", "dynamic")
_MOST_SECONDS = 600
_SAME = 0.005
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
@click.option("--partition", help="Which nodes of the site.")
@click.option("--nodes", type=click.IntRange(min=1), help="How many nodes, for example your share of them.")
@click.option("--mem", help="Memory of a node, as 64G.")
@click.option("--cpus", type=click.IntRange(min=1), help="Cores of a node.")
@click.option("--uniform", help="The one --mem for all that you use (default: 1.1 x the largest peak).")
@click.option("--first", help="The low first guess of retries (default: 1.1 x the median peak).")
@click.option(
    "--evidence",
    type=click.Choice(("others", "earlier")),
    default="others",
    show_default=True,
    help="What a job is predicted from: all other samples, or what had ended before its sample was submitted.",
)
@click.option(
    "--strategy", "strategies", multiple=True, type=click.Choice(STRATEGIES), help="Only this one; may be repeated."
)
@click.option(
    "--runs",
    type=click.IntRange(min=1),
    help=f"Number of replays, as chance decides on peaks (default: {_RUNS}; {_RUNS_OF_MANY} above {_MANY} jobs).",
)
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed gives the same figures."
)
@click.option(
    "--plot", "plot_file", type=click.Path(path_type=Path, dir_okay=False), help="Draw it as .png, .svg or .pdf."
)
@json_option
@project_option
def command(folder: Path, plot_file: Path | None, as_json: bool, **asked: Any) -> None:
    """Replay past jobs under other ways to ask for memory.

    One --mem for all, retries that double, the paper's dynamic scheduler, and chromplan: makespan, jobs killed for
    memory, memory x time reserved. No job is predicted from what it used itself.
    """
    from planner.cli.ui.progress import progress
    from planner.replay import replay
    from planner.replay.strategies import Strategy

    if plot_file:
        from planner.report import timeline

        timeline.check_format(plot_file)
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
        _plot(plot_file, replayed, outcomes)
    if as_json:
        echo_json(_document(replayed, outcomes, asked))
        return
    _show(replayed, outcomes, asked)
    if plot_file:
        click.echo(f"drew {plot_file}")


@dataclass(frozen=True, kw_only=True)
class _Replayed:
    """What is replayed where."""

    tool: str
    work: Workload
    target: Target
    left_out: Mapping[str, int]
    """Attempts that are not replayed, by reason."""
    samples: int


def _prepare(folder: Path, asked: dict[str, Any], report: Any) -> _Replayed:
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
    return _Replayed(
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


# --- what is printed ----------------------------------------------------------------------------------------------


def _document(replayed: _Replayed, outcomes: Sequence[StrategyFigures], asked: dict[str, Any]) -> dict[str, object]:
    from planner.core.units import GB_H

    partition = replayed.target.partition
    return {
        "tool": replayed.tool,
        "jobs": len(replayed.work.jobs),
        "left_out": dict(replayed.left_out),
        "evidence": asked["evidence"],
        "unknown": replayed.work.unknown,
        "site": replayed.target.site.name,
        "partition": partition.name,
        "nodes": partition.nodes,
        "node_mem_mb": partition.cap_mb,
        "node_cpus": partition.cores,
        "uniform_mb": replayed.work.uniform_mb,
        "first_mb": replayed.work.first_mb,
        "used_gb_h": replayed.work.used_mb_s * GB_H,
        "runs": asked["runs"],
        "seed": asked["seed"],
        "strategies": [_figures(outcome) for outcome in outcomes],
    }


def _figures(outcome: StrategyFigures) -> dict[str, object]:
    base: dict[str, object] = {"strategy": outcome.strategy.value, "what": outcome.what}
    if outcome.refused:
        return base | {"refused": outcome.refused}
    return base | {
        "makespan_s": outcome.makespan_s,
        "longest_makespan_s": max(outcome.makespans_s),
        "killed": outcome.killed,
        "most_killed": max(course.killed for course in outcome.courses),
        "reserved_gb_h": outcome.reserved_gb_h,
        "wasted_gb_h": outcome.wasted_gb_h,
        "at_once": outcome.at_once,
    }


def _show(replayed: _Replayed, outcomes: Sequence[StrategyFigures], asked: dict[str, Any]) -> None:
    from planner.core.memory_time import unit_for
    from planner.core.units import GB_H

    many = asked["runs"] > 1
    unit = unit_for(max((outcome.reserved_gb_h / GB_H for outcome in outcomes if not outcome.refused), default=0.0))
    longest_s = max((seconds for outcome in outcomes for seconds in outcome.makespans_s), default=0.0)
    echo_table(
        [
            "",
            ">makespan",
            *([">longest"] if many else []),
            ">killed",
            f">{unit.name} reserved",
            ">wasted",
            "what it does",
        ],
        [_cells(outcome, longest_s, unit, many=many) for outcome in outcomes],
        title=f"{_jobs(replayed)} on {_nodes(replayed.target)}",
    )
    for line in [*_comparison(outcomes), *_remarks(replayed, outcomes, asked)]:
        click.echo(line)


def _cells(outcome: StrategyFigures, longest_s: float, unit: MemoryTimeUnit, *, many: bool) -> tuple[object, ...]:
    from planner.core.units import GB_H

    name = _name(outcome)
    if outcome.refused:
        return (name, *([""] * (5 if many else 4)), f"not possible: {outcome.refused}")
    longest = (_time(max(outcome.makespans_s), longest_s),) if many else ()
    return (
        name,
        _time(outcome.makespan_s, longest_s),
        *longest,
        f"{outcome.killed:.3g}",
        unit.number(outcome.reserved_gb_h / GB_H),
        f"{outcome.wasted_gb_h / outcome.reserved_gb_h:.0%}",
        outcome.what,
    )


def _name(outcome: StrategyFigures) -> str:
    name = outcome.strategy.value
    return f"chromplan {name}" if name in _OURS else name


def _time(seconds: float, longest_s: float) -> str:
    """Return a time, in the unit in which the longest one is read best."""
    from planner.core import units

    return units.format_duration(round(seconds)) if longest_s > _MOST_SECONDS else f"{seconds:.1f} s"


def _jobs(replayed: _Replayed) -> str:
    return f"{count(len(replayed.work.jobs), 'past job')} of {replayed.tool}"


def _nodes(target: Target) -> str:
    partition = target.partition
    nodes = "as many nodes as needed" if partition.nodes is None else count(partition.nodes, "node")
    return f"{nodes} of {partition.cap_mb} MB and {count(partition.cores, 'core')}"


def _comparison(outcomes: Sequence[StrategyFigures]) -> list[str]:
    """Return what chromplan would have saved, a sentence per other way."""
    ran = {outcome.strategy.value: outcome for outcome in outcomes if not outcome.refused}
    ours = next((ran[name] for name in _OURS if name in ran), None)
    others = [ran[name] for name in ("recorded", "uniform", "doubling") if name in ran]
    if ours is None:
        return []
    return [f"{_name(ours)} against {other.strategy.value}: {_gains(other, ours)}" for other in others]


def _gains(other: StrategyFigures, ours: StrategyFigures) -> str:
    less = 1 - ours.reserved_gb_h / other.reserved_gb_h
    sooner = 1 - ours.makespan_s / other.makespan_s
    parts = [
        f"{abs(less):.0%} {'less' if less >= 0 else 'more'} memory x time reserved",
        "done at the same time"
        if abs(sooner) < _SAME
        else f"done {abs(sooner):.0%} {'sooner' if sooner > 0 else 'later'}",
    ]
    kills = other.killed - ours.killed
    if kills:
        parts.append(f"{abs(kills):.3g} {'fewer' if kills > 0 else 'more'} killed")
    return ", ".join(parts)


def _remarks(replayed: _Replayed, outcomes: Sequence[StrategyFigures], asked: dict[str, Any]) -> list[str]:
    """Return what must be known to read the figures."""
    work = replayed.work
    others = (
        "the jobs of other samples" if replayed.samples > 1 else "the other tasks (the same one run again left out)"
    )
    earlier = f"what had ended before its {'sample' if replayed.samples > 1 else 'task'} was submitted"
    lines = [f"each job was predicted from {others if asked['evidence'] == 'others' else earlier}, never from itself"]
    if work.unknown:
        lines.append(f"{work.unknown} of them came before anything was known: they ask for {work.uniform_mb}M")
    if not asked["uniform"]:
        lines.append("uniform knows the largest peak beforehand: give yours with --uniform")
    lines += [f"left out: {count} ({reason})" for reason, count in sorted(replayed.left_out.items())]
    separate = [one for one in outcomes if one.strategy.value in ("uniform", "array") and not one.refused]
    if separate and all(one.at_once >= len(work.jobs) for one in separate):
        lines.append("these nodes hold everything at once: with --nodes or --mem, see what your share of them does")
    return lines


def _plot(path: Path, replayed: _Replayed, outcomes: Sequence[StrategyFigures]) -> None:
    from planner.report import replayed as drawing

    ran = [outcome for outcome in outcomes if not outcome.refused]
    if not ran:
        raise InputError(
            f"{path}: nothing to draw, as the jobs cannot run on these nodes", "give others: --mem, --cpus"
        )
    partition = replayed.target.partition
    drawing.draw(
        path,
        ran,
        peaks_mb={job.name: job.peak_mb for job in replayed.work.jobs},
        titles=[f"{_name(outcome)}: {outcome.what}" for outcome in ran],
        heading=_heading(replayed, ran),
        there_is_mb=None if partition.nodes is None else float(partition.nodes * partition.cap_mb),
    )


def _heading(replayed: _Replayed, ran: Sequence[StrategyFigures]) -> str:
    found = {outcome.strategy.value: outcome for outcome in ran}
    ours, uniform = next((found[name] for name in _OURS if name in found), None), found.get("uniform")
    jobs = f"{_jobs(replayed)} on {_nodes(replayed.target)}"
    if ours is None or uniform is None:
        return jobs
    less = 1 - ours.reserved_gb_h / uniform.reserved_gb_h
    return f"{jobs}:\n{_name(ours)} reserves {abs(less):.0%} {'less' if less >= 0 else 'more'} than one --mem for all"
