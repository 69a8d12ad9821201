"""Errors shown to the user in two lines: what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterable


class PlannerError(Exception):
    """An error that the user can act on.

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
    """The input is fine but the operation failed: Slurm is down, a disk is full (exit code 1)."""


class FieldError(ValueError):
    """A field of a file has an invalid value; callers that know the file turn this into an `InputError`.

    Parameters
    ----------
    message, hint : str
        What is wrong with the value, and what to write instead.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def nearest(word: str, known: Iterable[str], *, most: int = 3, alike: float = 0.5) -> list[str]:
    """Return at most ``most`` known words that are most similar to a word, with a similarity of at least ``alike``."""
    import difflib  # imported here, as only errors need it

    return difflib.get_close_matches(word, list(known), most, alike)


def near(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'plan'?``, or nothing when no known word is near."""
    spelt = {one.lower(): one for one in known}
    found = [spelt[one] for one in nearest(word.lower(), spelt, most=2, alike=0.6)]
    return f"did you mean {' or '.join(repr(one) for one in found)}?" if found else ""
