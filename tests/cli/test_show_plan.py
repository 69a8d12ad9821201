"""A plan as a table."""

import plans
import pytest

from planner.cli.plan import show_plan
from planner.core.samples import Sample
from planner.plan.document import Extent


@pytest.mark.parametrize(("samples", "rows"), [(5, 110), (6, 110)])
def test_a_plan_longer_than_anybody_reads_is_cut_and_says_so(
    samples: int, rows: int, capsys: pytest.CaptureFixture[str]
) -> None:
    show_plan(plans.plan(samples=[Sample(name=f"s{i}", columns={}) for i in range(samples)]))
    shown = capsys.readouterr().out
    assert sum(line.startswith("s") and ".chr" in line for line in shown.splitlines()) == rows
    # all tasks have the same reason: it is said once
    assert shown.count("first round: ") == 1
    assert ("and 22 more tasks: --json shows them all" in shown) == (samples == 6)


@pytest.mark.parametrize(
    ("samples", "pilot", "said"),
    [
        (0, 0, "round 1: 22 tasks (22 regions), array on test"),
        (1, 0, "round 1: 22 tasks (1 sample x 22 regions), array on test"),
        (3, 0, "round 1: 66 tasks (3 samples x 22 regions), array on test"),
        (3, 3, "round 1: 3 of 66 tasks (3 samples x 22 regions), array on test"),
    ],
)
def test_the_first_line_says_what_the_pipeline_was_found_to_be(
    samples: int, pilot: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = plans.config(memory={"formula": None, "pilot": pilot})
    show_plan(plans.plan(config, samples=[Sample(name=f"s{i}", columns={}) for i in range(samples)]))
    assert said in capsys.readouterr().out


def test_elements_that_are_not_every_sample_with_every_region_are_not_multiplied() -> None:
    assert str(Extent(samples=2, regions=22, tasks=30)) == "2 samples and 22 regions"
    assert str(Extent(samples=1, regions=1, tasks=1)) == "1 sample x 1 region"


def test_a_plan_of_22_tasks_has_a_line_for_each_and_few_besides(capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(plans.plan())
    assert len(capsys.readouterr().out.splitlines()) <= 26
