"""Options of the scheduling policy, shared by the commands that run tasks themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from planner.cli.ui.options import options_of

if TYPE_CHECKING:
    from planner.runner.launch import Scheduling

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS = (
    click.option(
        "--policy",
        type=click.Choice(("chromplan", "paper")),
        default="chromplan",
        show_default=True,
        help="The scheduler; paper is that of arXiv 2511.15977.",
    ),
    click.option(
        "--foreknown",
        type=click.Choice(("none", "point", "conservative")),
        default="point",
        show_default=True,
        help="What the scheduler knows about a task before it has run: nothing, its prediction (point) or its request "
        "(conservative).",
    ),
    click.option(
        "--packer", type=click.Choice(("knapsack", "greedy")), help="paper: how batches are packed. [default: knapsack]"
    ),
    click.option(
        "--init",
        type=click.Choice(("smallest", "largest", "mixed")),
        help="paper: which tasks run first. [default: smallest]",
    ),
    click.option("--degree", type=click.IntRange(0, 5), help="paper: degree of the polynomial. [default: 1]"),
    click.option(
        "--sequential", type=click.IntRange(min=1), help="paper: tasks that run one by one at first (p). [default: 2]"
    ),
    click.option(
        "--growth", type=click.FloatRange(min=1), help="paper: factor on the memory after each kill (s). [default: 1.3]"
    ),
    click.option(
        "--bias",
        type=click.FloatRange(0, 1),
        nargs=2,
        help="paper: percentiles of the residuals, at the start and at the end (gamma). [default: 0.95 0.8]",
    ),
)
_OF_THE_PAPER = ("packer", "init", "degree", "sequential", "growth", "bias")


def policy_options(function: F) -> F:
    """Add ``--policy``, ``--foreknown`` and the paper's parameters to a command."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


def scheduling(asked: dict[str, Any]) -> Scheduling:
    """Return what these options ask for.

    Raises
    ------
    InputError
        When an option of the paper's scheduler is given without it.
    """
    from planner.runner.launch import Foreknown, Scheduling
    from planner.schedule.dynamic.options import DynamicOptions, Policy
    from planner.schedule.dynamic.paper import Init, Packer, PaperOptions

    policy = Policy(asked["policy"])
    given = options_of("--policy paper", asked, _OF_THE_PAPER, chosen=policy is Policy.PAPER)
    for name, kind in (("packer", Packer), ("init", Init)):
        if name in given:
            given[name] = kind(given[name])
    options = DynamicOptions(policy=policy, paper=PaperOptions(**given))
    return Scheduling(options=options, foreknown=Foreknown(asked["foreknown"]))
