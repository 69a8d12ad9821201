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
    monkeypatch.setattr(progress, "PATIENCE_S", patience_s)
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


def worked(stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what is shown of work that ends once a terminal was told twice, or at once where nobody looks."""
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "PATIENCE_S", 0.01)
    with progress.working("fitting hold"):
        while stream.isatty() and stream.getvalue().count("fitting hold") < 2:
            pass
    return stream.getvalue()


def test_work_without_a_share_says_what_it_does_and_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    said = worked(Terminal(), monkeypatch)
    assert "fitting hold (0 s)" in said
    assert said.endswith("\r\033[K")


def test_work_says_nothing_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert worked(io.StringIO(), monkeypatch) == ""


def test_a_line_that_stays_is_not_mixed_with_the_one_that_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(progress, "PATIENCE_S", 60.0)
    with progress.working("counting") as telling:
        telling.draw()
        telling.say("one is missing")
        telling.step("counting again")
        telling.draw()
    assert stream.getvalue() == ("\r\033[Kcounting (0 s)\r\033[Kone is missing\n\r\033[Kcounting again (0 s)\r\033[K")


def test_a_line_that_stays_is_printed_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    with progress.working("counting") as telling:
        telling.say("one is missing")
    assert stream.getvalue() == "one is missing\n"
