"""What ``chromplan simulate`` prints and draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from planner.cli.ui.output import echo_table
from planner.core.errors import InputError
from planner.core.wording import count

if TYPE_CHECKING:
    from planner.core.memory_time import MemoryTimeUnit
    from planner.plan.document import Target
    from planner.replay.past import Workload
    from planner.replay.replay import StrategyFigures

_OURS = ("array", "packed", "dynamic")
_MOST_SECONDS = 600
_SAME = 0.005


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What is replayed where."""

    tool: str
    work: Workload
    target: Target
    left_out: Mapping[str, int]
    """Attempts that are not replayed, by reason."""
    samples: int


def document(replayed: Replayed, outcomes: Sequence[StrategyFigures], asked: dict[str, Any]) -> dict[str, object]:
    """Return the replay as plain data, for ``--json``."""
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
        "median_wait_s": outcome.wait_s,
        "killed": outcome.killed,
        "most_killed": max(course.killed for course in outcome.courses),
        "reserved_gb_h": outcome.reserved_gb_h,
        "wasted_gb_h": outcome.wasted_gb_h,
        "at_once": outcome.at_once,
    }


def show(replayed: Replayed, outcomes: Sequence[StrategyFigures], asked: dict[str, Any]) -> None:
    """Print a row per strategy, what chromplan would have saved, and what the figures rest on."""
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
            ">median wait",
            ">killed",
            f">{unit.name} reserved",
            ">wasted",
            "what it does",
        ],
        [_cells(outcome, longest_s, unit, many=many) for outcome in outcomes],
        title=f"{_jobs(replayed)} on {_nodes(replayed.target)}",
        below="",
    )
    for line in [*_comparison(outcomes), *_remarks(replayed, outcomes, asked)]:
        click.echo(line)


def _cells(outcome: StrategyFigures, longest_s: float, unit: MemoryTimeUnit, *, many: bool) -> tuple[object, ...]:
    from planner.core.units import GB_H

    name = _name(outcome)
    if outcome.refused:
        return (name, *([""] * (6 if many else 5)), f"not possible: {outcome.refused}")
    longest = (_time(max(outcome.makespans_s), longest_s),) if many else ()
    return (
        name,
        _time(outcome.makespan_s, longest_s),
        *longest,
        _time(outcome.wait_s, longest_s),
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


def _jobs(replayed: Replayed) -> str:
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


def _remarks(replayed: Replayed, outcomes: Sequence[StrategyFigures], asked: dict[str, Any]) -> list[str]:
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
        lines.append("these nodes hold everything at once: give your share of them with --nodes or --mem")
    return lines


def plot(path: Path, replayed: Replayed, outcomes: Sequence[StrategyFigures]) -> None:
    """Draw the memory over time of every strategy.

    Raises
    ------
    InputError
        When no strategy could run on these nodes.
    """
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


def _heading(replayed: Replayed, ran: Sequence[StrategyFigures]) -> str:
    found = {outcome.strategy.value: outcome for outcome in ran}
    ours, uniform = next((found[name] for name in _OURS if name in found), None), found.get("uniform")
    jobs = f"{_jobs(replayed)} on {_nodes(replayed.target)}"
    if ours is None or uniform is None:
        return jobs
    less = 1 - ours.reserved_gb_h / uniform.reserved_gb_h
    return f"{jobs}:\n{_name(ours)} reserves {abs(less):.0%} {'less' if less >= 0 else 'more'} than one --mem for all"
