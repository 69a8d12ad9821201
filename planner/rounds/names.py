"""Looking up tasks and samples by the names that people type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from planner.core.errors import InputError, near
from planner.rounds.progress import TaskStatus

_SHOWN = 5


def find_task(name: str, found: Iterable[TaskStatus]) -> str:
    """Return the task of this name, or of a sample's name as it was given and its region.

    A region alone, with or without "chr", is enough if only one sample has it.

    Raises
    ------
    InputError
        Names what is nearest to it.
    """
    as_given = {f"{one.sample}{one.task[one.task.rfind('.') :]}": one.task for one in found}
    known = list(dict.fromkeys(as_given.values()))
    if name in known:
        return name
    if name in as_given:
        return as_given[name]
    if not known:
        raise InputError("no round has a task yet", "run 'chromplan plan' first")
    ends = [task for task in known if task.endswith((f".{name}", f".chr{name}")) or task == f"chr{name}"]
    if len(ends) == 1:
        return ends[0]
    if ends:
        raise InputError(f"{name}: {len(ends)} tasks end like this", f"say which: {_some(ends)}")
    raise InputError(
        f"{name or repr(name)}: no such task in the rounds", near(name, known) or f"there are {_some(known)}"
    )


def check_samples(samples: Iterable[str], found: Iterable[TaskStatus]) -> None:
    """Raise an error for a sample that is in no round.

    Raises
    ------
    InputError
        Names what is nearest to it.
    """
    known = sorted({one.sample for one in found})
    for name in samples:
        if name not in known:
            hint = near(name, known) or f"there are {_some(known)}"
            raise InputError(f"--sample {name}: no such sample in the rounds", hint)


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}" if names else "none"
