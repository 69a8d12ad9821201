"""What holds for every test: the run's last line says which cluster tests did not run, and why."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import settings

# a slow machine is no failure; in CI the rest is hypothesis' own profile for it
settings.register_profile("chromplan", settings(), deadline=None)
settings.load_profile("chromplan")

_not_run: dict[str, int] = {}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count skipped cluster tests by reason."""
    if report.skipped and "cluster" in report.keywords and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2].removeprefix("Skipped: ")
        _not_run[reason] = _not_run.get(reason, 0) + 1


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Say it after everything else, once for all processes."""
    if _not_run and "PYTEST_XDIST_WORKER" not in os.environ:
        reasons = "; ".join(f"{count} ({reason})" for reason, count in _not_run.items())
        sys.stdout.write(f"cluster tests SKIPPED: {reasons}\n")
