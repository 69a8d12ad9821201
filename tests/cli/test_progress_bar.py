"""The bar for what takes longer than a moment."""

import io
import sys

import pytest

from planner.cli.ui import progress


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch, *, patience_s: float) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "_PATIENCE_S", patience_s)
    with progress.progress("counting sheep") as report:
        for share in (0.2, 0.6, 1.0):
            report(share)
    return stream.getvalue()


def test_a_terminal_sees_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "counting sheep" in shown(Terminal(), monkeypatch, patience_s=0.0)


def test_what_is_done_in_a_moment_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(Terminal(), monkeypatch, patience_s=60.0) == ""


def test_what_is_no_terminal_sees_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(io.StringIO(), monkeypatch, patience_s=0.0) == ""
