"""Choosing how chromosomes are cut, so that the round ends soonest or costs least: the plan and its alternatives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from planner.actions import planning
from planner.actions.cutting import Cutter
from planner.core.errors import InputError
from planner.core.regions import Region
from planner.plan import splitting
from planner.plan.document import Plan
from planner.plan.splitting import FIXED, Aim
from planner.project import split
from planner.project.folder import ProjectFolder


def plan_next(
    project: ProjectFolder,
    how: str,
    mode: str | None = None,
    *,
    retry_failed: bool = False,
    again: bool = False,
    submit: Mapping[str, str | None] | None = None,
) -> tuple[Plan, Path | None]:
    """Choose how chromosomes are cut, plan what is left, and write both; the rest as in `planner.actions.rounds`.

    Parameters
    ----------
    how : str
        ``auto``: the round ends soonest; ``cheapest``: it is billed least; or a number of parts.

    Raises
    ------
    InputError
        For a pipeline that cannot be cut, or one of which too little is known to choose.
    """
    from planner.rounds import door

    with door.at_work(project):
        inputs = planning.fetch(project, retry_failed=retry_failed, again=again, last_step=False)
        cutter = Cutter(project, inputs, mode, submit or {})
        if how in list(Aim):
            plan, regions = _choose(cutter, Aim(how))
        else:
            regions = cutter.regions(cutter.alike(int(how)))
            plan = cutter.plan(regions)
        if not plan.tasks:
            return plan, None
        split.record(project.folder, regions)
        return plan, project.write_plan(plan)


def _choose(cutter: Cutter, aim: Aim) -> tuple[Plan, Sequence[Region]]:
    """Return the best plan and its regions; the plan lists what fixed numbers of parts come to.

    Raises
    ------
    InputError
        When nothing is known of the tool's memory, or no number of parts fits a node.
    """
    sized = cutter.sized()
    timed = all(one.wall_s is not None for by_number in sized.values() for of in by_number.values() for one in of)
    work = [one for one in (cutter.divisible(sized, partition) for partition in cutter.partitions()) if one]
    if not work:
        raise cutter.fits_nowhere(sized)
    chosen = [splitting.choose(one, aim).parts if timed else splitting.fewest(one) for one in work]
    found = [cutter.candidate(aim.value, cutter.regions(parts)) for parts in chosen]
    others = [cutter.candidate(str(number), cutter.regions(cutter.alike(number))) for number in FIXED]
    # the plans have the last word: a mode may place tasks in another way than the search
    best = min([*found, *(others if timed else [])], key=lambda one: (one.plan is None, one.figure(aim)))
    if best.plan is None:
        raise InputError(f"no split can be planned: {best.way.refused}", "'chromplan plan' says more of each task")
    ways = [best.way.model_copy(update={"parts": aim.value}), *(one.way for one in others)]
    notes = [*best.plan.notes, _note(aim, best.regions, timed=timed)]
    return best.plan.model_copy(update={"notes": notes, "ways": ways}), best.regions


def _note(aim: Aim, regions: Sequence[Region], *, timed: bool) -> str:
    """Return in words what was chosen: ``cut to end soonest: 3 parts: 1, 2; whole: 21, 22``."""
    parts: dict[str, int] = {}
    for region in regions:
        parts[region.chromosome] = parts.get(region.chromosome, 0) + 1
    by_number: dict[int, list[str]] = {}
    for name, number in parts.items():
        by_number.setdefault(number, []).append(name)
    told = [
        f"{'whole' if number == 1 else f'{number} parts'}: {_some(names)}"
        for number, names in sorted(by_number.items(), reverse=True)
    ]
    why = "to end soonest" if aim is Aim.SOONEST else "to cost least"
    return f"cut {why if timed else 'to fit a node, as durations are not known yet'}: {'; '.join(told)}"


def _some(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most + 1 else "")
