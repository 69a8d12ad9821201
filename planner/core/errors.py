"""The errors a person sees: two lines, what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Iterable


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


class FieldError(ValueError):
    """A field of a file has a value that cannot be used; whoever knows the file makes an `InputError` of it.

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
    """Return the known words that are most like one, of which at least the share ``alike`` is the same."""
    import difflib  # which only errors need

    return difflib.get_close_matches(word, list(known), most, alike)


def near(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean 'plan'?``, or nothing when no known word is near."""
    spelt = {one.lower(): one for one in known}
    found = [spelt[one] for one in nearest(word.lower(), spelt, most=2, alike=0.6)]
    return f"did you mean {' or '.join(repr(one) for one in found)}?" if found else ""
