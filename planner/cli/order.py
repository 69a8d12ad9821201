"""``chromplan order``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from planner.cli.ui import completion
from planner.cli.ui.options import FormerlyWorkers, options_of, plot_option
from planner.cli.ui.output import echo_json, json_option
from planner.cli.ui.progress import progress
from planner.core import human
from planner.core.errors import InputError

if TYPE_CHECKING:
    from planner.actions.ordering import TaskTable
    from planner.schedule.order.problem import Problem
    from planner.schedule.order.search import Found, HillClimb
    from planner.schedule.order.tables import TabledOrder


@click.command("order")
@click.option("-k", "--slots", cls=FormerlyWorkers, type=click.IntRange(min=1), help="Most tasks at once.")
@click.option("--cap", metavar="MEM", help="Most memory at once: 64G with --table, Mb of chromosome with --genome.")
@click.option("--cores", type=click.IntRange(min=1), help="Most cores at once.")
@click.option(
    "--genome",
    default=human.DEFAULT,
    show_default=True,
    shell_complete=completion.genomes,
    help="The genome whose chromosome lengths, in Mb, stand for memory and duration.",
)
@click.option(
    "--chromosomes", help="Chromosomes, as 1-22,X,Y (default: 1-22 of a human genome, all contigs of another)."
)
@click.option(
    "--table",
    "table_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A CSV file with each task's name, memory and duration, or a round's plan.json.",
)
@click.option(
    "--objective",
    type=click.Choice(("makespan", "peak-eps", "peak")),
    help="makespan: shortest under the limits (default with --cap); peak-eps: lowest peak at nearly the best makespan "
    "(default with -k); peak: lowest peak, whatever time it takes.",
)
@click.option(
    "--eps",
    type=click.FloatRange(min=0),
    default=0.02,
    show_default=True,
    help="peak-eps: how much longer than the best makespan it may take.",
)
@click.option(
    "--model",
    type=click.Choice(("list", "lockstep")),
    default="list",
    show_default=True,
    help="list: the next task starts when a slot becomes free; lockstep: batches with a barrier.",
)
@click.option("--search", "fresh", is_flag=True, help="Search anew, without using the orders that come with chromplan.")
@click.option(
    "--method",
    type=click.Choice(("anneal", "hill-climb")),
    default="anneal",
    show_default=True,
    help="How to search; hill-climb is that of arXiv 2511.15977. With this option or those below, chromplan always "
    "searches.",
)
@click.option("--swaps", type=click.IntRange(min=1), help="hill-climb: most swaps in a step. [default: 3]")
@click.option("--restarts", type=click.IntRange(min=1), help="hill-climb: random orders to start from. [default: 192]")
@click.option("--prove", is_flag=True, help="Search anew, and spend minutes on a better bound or a proof.")
@click.option("--evaluations", type=click.IntRange(min=1), help="Orders to try; about a million a second at 22 tasks.")
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The same seed gives the same order."
)
@plot_option("it")
@json_option
def command(table_file: Path | None, plot_file: Path | None, as_json: bool, fresh: bool, **asked: Any) -> None:
    """Find a static order for a genome or a table.

    Shows peak and makespan beside those of the natural order, and a bound that no order can beat. Orders of whole
    genomes come with chromplan, for every number of slots; anything else is searched for, and Ctrl-C ends the search
    with the best order so far.
    """
    from planner.actions import ordering as ordertasks
    from planner.cli import order_view as view

    started = time.perf_counter()
    tasks = (
        ordertasks.from_file(table_file)
        if table_file
        else ordertasks.from_genome(asked["genome"], asked["chromosomes"])
    )
    problem = _problem(tasks, asked)
    climb = _hill_climb(asked)
    tabled = [] if fresh or climb else _tabled(tasks)
    found = None if asked["prove"] or _asks_how_to_search() else _from_table(problem, tasks, tabled)
    if found is None:
        found = _searched(problem, tasks, tabled, climb, asked)
    seconds = time.perf_counter() - started
    natural = problem.run(range(problem.size))
    if plot_file:
        view.plot(plot_file, problem, tasks, found, natural)
    if as_json:
        echo_json(view.document(problem, tasks, found, natural, seconds))
        return
    view.show(problem, tasks, found, natural)
    if plot_file:
        click.echo(f"wrote {plot_file}")


def _problem(tasks: TaskTable, asked: dict[str, Any]) -> Problem:
    from planner.schedule.order.problem import Model, Objective, Problem

    if asked["slots"] is None and asked["cap"] is None and asked["cores"] is None:
        raise InputError("nothing limits what runs at once", "give -k, --cap or --cores")
    cap = None if asked["cap"] is None else _cap(tasks, asked["cap"])
    if tasks.cpus is not None and asked["cores"] is not None and max(tasks.cpus) > asked["cores"]:
        widest = max(range(len(tasks.cpus)), key=tasks.cpus.__getitem__)
        raise InputError(
            f"task {tasks.names[widest]} needs {tasks.cpus[widest]} cores, more than --cores {asked['cores']}",
            f"give --cores {tasks.cpus[widest]} or more",
        )
    return Problem(
        mem_mb=tasks.mem,
        wall_s=tasks.wall,
        cpus=tasks.cpus,
        slots=asked["slots"],
        cap_mb=cap,
        cores=asked["cores"],
        model=Model(asked["model"]),
        objective=Objective(asked["objective"] or ("peak-eps" if cap is None else "makespan")),
        eps=asked["eps"],
    )


def _cap(tasks: TaskTable, text: str) -> float:
    from planner.core import units

    try:
        cap = float(text) if tasks.genome else units.parse_mem_mb(text)
    except ValueError:
        cap = None
    if cap is None or not 0 < cap < float("inf"):
        wanted = "a number of Mb, since lengths stand for memory" if tasks.genome else "a size such as 64G or 4000M"
        raise InputError(f"--cap is {text!r}", f"write {wanted}")
    largest = max(range(len(tasks.mem)), key=tasks.mem.__getitem__)
    if tasks.mem[largest] > cap:
        need = f"{tasks.mem[largest]:.6g} {tasks.mem_unit}"
        raise InputError(f"task {tasks.names[largest]} needs {need}, more than --cap {text}", f"give at least {need}")
    return cap


def _asks_how_to_search() -> bool:
    """Return whether an option was given that only a search follows: the tables would leave it without effect."""
    context = click.get_current_context()
    options = ("method", "swaps", "restarts", "evaluations", "seed")
    return any(context.get_parameter_source(name) is ParameterSource.COMMANDLINE for name in options)


def _hill_climb(asked: dict[str, Any]) -> HillClimb | None:
    from planner.schedule.order.search import HillClimb

    chosen = asked["method"] == "hill-climb"
    given = options_of("--method hill-climb", asked, ("swaps", "restarts"), chosen=chosen)
    return HillClimb(**given) if chosen else None


def _tabled(tasks: TaskTable) -> list[TabledOrder]:
    """Return the orders that come with chromplan for this genome."""
    from planner.core import files
    from planner.schedule.order import tables as ordertables

    path = files.shipped("data") / f"orders_{tasks.genome}.json"
    return ordertables.loads(path.read_text(encoding="utf-8")) if tasks.genome and path.is_file() else []


def _from_table(problem: Problem, tasks: TaskTable, tabled: list[TabledOrder]) -> Found | None:
    from planner.schedule.order import tables as ordertables
    from planner.schedule.order.search import Found

    entry = ordertables.lookup(tabled, tasks.names, problem)
    if entry is None:
        return None
    order = tuple(tasks.names.index(name) for name in entry.order)
    schedule = problem.run(order)
    return Found(
        order=order,
        peak=schedule.peak,
        makespan=schedule.makespan,
        best_makespan=entry.best_makespan,
        lower_bound=entry.lower_bound,
        proved=entry.proved,
        evaluations=0,
    )


def _searched(
    problem: Problem, tasks: TaskTable, tabled: list[TabledOrder], climb: HillClimb | None, asked: dict[str, Any]
) -> Found:
    from planner.schedule.order.search import search
    from planner.schedule.order.tables import orders_of

    with progress("searching (Ctrl-C: the best so far)") as report:
        found = search(
            problem,
            seed=asked["seed"],
            climb=climb,
            evaluations=asked["evaluations"],
            starts=orders_of(tabled, tasks.names),
            prove=asked["prove"],
            report=report,
        )
    if found.interrupted:
        click.echo("interrupted: the best order so far", err=True)
    return found
