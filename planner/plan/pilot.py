"""The pilot: the few tasks that run first when nothing is known of a tool's memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby

from planner.core.records import Task

# The largest tasks are left to the next round: a pilot lasts as long as its largest task, and a task three quarters
# up the sizes is enough to estimate the slope.
_REACH = 0.75
# digits to which sizes are compared
_DIGITS = 9


def choose(tasks: Sequence[Task], sizes: Mapping[str, float], most: int) -> list[Task]:
    """Return the tasks of a pilot, smallest first: the smallest, one three quarters up, the others in between.

    If sizes repeat, as a chromosome's do over samples, the pilot has different sizes from different samples. Of tasks
    that no feature tells apart, it takes regions of all lengths, which may matter all the same.

    Parameters
    ----------
    tasks : sequence of Task
    sizes : mapping of task name to float
        See `planner.plan.sizes`.
    most : int
        How many, at least 1.
    """
    known = {task.name: float(f"{sizes[task.name]:.{_DIGITS}g}") for task in tasks}
    by_size = sorted(tasks, key=lambda task: (known[task.name], task.length_bp))
    groups = [list(group) for _, group in groupby(by_size, key=lambda task: known[task.name])]
    chosen: list[Task] = []
    taken: Counter[str] = Counter()
    for number in range(min(most, len(tasks))):
        reach = _REACH * number / max(1, most - 1)
        wanted = round(reach * (len(groups) - 1))
        group = groups[min((i for i, group in enumerate(groups) if group), key=lambda i: (abs(i - wanted), i))]
        fewest = min(taken[one.sample] for one in group)
        task = _up_to(reach, [one for one in group if taken[one.sample] == fewest])
        group.remove(task)
        taken[task.sample] += 1
        chosen.append(task)
    return sorted(chosen, key=lambda task: known[task.name])


def _up_to(reach: float, alike: Sequence[Task]) -> Task:
    """Return the first task whose region is as far up their lengths, ascending, as ``reach`` of all."""
    lengths = list(dict.fromkeys(task.length_bp for task in alike))
    return next(task for task in alike if task.length_bp == lengths[round(reach * (len(lengths) - 1))])
