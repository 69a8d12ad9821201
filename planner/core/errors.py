"""The errors a person sees: two lines, what is wrong and what to do."""

from __future__ import annotations


class PlannerError(Exception):
    """Something went wrong that a person can act on.

    Parameters
    ----------
    message : str
        What is wrong, naming file, line and field where there are any.
    hint : str
        What to do about it.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(PlannerError):
    """The user's input is wrong: a file, a field, an argument (exit code 2)."""

    exit_code = 2


class FailureError(PlannerError):
    """The input is fine, the world is not: Slurm is down, a disk is full (exit code 1)."""
