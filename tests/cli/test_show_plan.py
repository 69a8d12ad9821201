"""A plan as a table."""

import plans
import pytest

from planner.cli.plan import MOST_ROWS, show_plan
from planner.core.config import Sample


@pytest.mark.parametrize(("samples", "rows"), [(5, 110), (6, MOST_ROWS)])
def test_a_plan_longer_than_anybody_reads_is_cut_and_says_so(
    samples: int, rows: int, capsys: pytest.CaptureFixture[str]
) -> None:
    show_plan(plans.plan(samples=[Sample(name=f"s{i}", columns={}) for i in range(samples)]))
    shown = capsys.readouterr().out
    assert sum(" first round: " in line for line in shown.splitlines()) == rows
    assert ("and 22 more tasks: --json shows them all" in shown) == (samples == 6)
