"""What holds for every test, however many processes run them.

The run's last line says which cluster tests did not run, and why.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

import pytest
from hypothesis import settings

# a slow machine is no failure; in CI the rest is hypothesis' own profile for it
settings.register_profile("chromplan", settings(), deadline=None)
settings.load_profile("chromplan")

# a shell ignores SIGINT for what it runs in the background, and its children inherit that: tests interrupt commands
signal.signal(signal.SIGINT, signal.default_int_handler)

_not_run: dict[str, int] = {}


# modules whose tests share something that takes long to make: of several processes only one is to make it
TOGETHER = ("tests/cluster/test_wrap.py", "tests/cli/test_cli_formula.py")


@pytest.fixture(autouse=True)
def _own_data_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the runs and the history of whoever runs the tests out of them, and the tests out of these."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "data"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Hand out test by test, but those modules as a whole, and first."""
    from xdist.scheduler import LoadScopeScheduling

    class Scheduling(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            module = nodeid.partition("::")[0]
            return module if module in TOGETHER else nodeid

    return Scheduling(config, log)


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
