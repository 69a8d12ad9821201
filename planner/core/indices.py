"""``--array``: the indices of an array script, and the variables that Slurm sets for them."""

from __future__ import annotations

from dataclasses import dataclass

from planner.core.job_ids import INDEX_RANGE, LARGEST_INDEX

MOST_UPDATES = 300
"""Up to this many elements, each gets exactly its own memory; above it, elements share updates."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Array:
    """The indices of an array, and the most that run at once.

    Attributes
    ----------
    text : str
        The indices as they were written.
    """

    text: str
    indices: tuple[int, ...]
    step: int
    throttle: int | None

    @property
    def variables(self) -> dict[str, int]:
        """Environment variables of every task of the array, besides its own index."""
        return {
            "SLURM_ARRAY_TASK_MIN": self.indices[0],
            "SLURM_ARRAY_TASK_MAX": self.indices[-1],
            "SLURM_ARRAY_TASK_STEP": self.step,
            "SLURM_ARRAY_TASK_COUNT": len(self.indices),
        }


def parse(text: str) -> Array:
    """Read ``--array`` as sbatch takes it: ``1-22``, ``1,3,7``, ``0-20:2%4``, ``[1-3]``.

    Slurm (22.05) sets SLURM_ARRAY_TASK_STEP to the first step in the text, or to 1.

    Raises
    ------
    ValueError
        For text that sbatch refuses, with the reason.
    """
    body, percent, most = text.strip().partition("%")
    if percent and not (most.isascii() and most.isdecimal()):
        raise ValueError(f"{most!r} after % is not a number")
    if body.startswith("[") and body.endswith("]"):
        body = body[1:-1]
    found: set[int] = set()
    first_step = 0
    for part in body.split(","):
        match = INDEX_RANGE.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"{part!r} is not an index or a range")
        first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
        if last < first or step < 1 or last > LARGEST_INDEX:
            raise ValueError(f"{part!r} is not a range that Slurm takes")
        found |= set(range(first, last + 1, step))
        first_step = first_step or (step if match[3] else 0)
    # %0 means no limit
    return Array(
        text=body.strip(),
        indices=tuple(sorted(found)),
        step=first_step or 1,
        throttle=int(most) if percent and int(most) else None,
    )
