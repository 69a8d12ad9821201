"""A plan as a table."""

import plans
import pytest

from planner.cli.plan_view import show_plan
from planner.core.samples import Sample
from planner.plan.document import Extent


def many(samples: int) -> list[Sample]:
    return [Sample(name=f"s{i}", columns={}) for i in range(samples)]


@pytest.mark.parametrize(("samples", "rows"), [(5, 110), (6, 0)])
def test_a_plan_longer_than_anybody_reads_is_summed_up_by_chromosome(
    samples: int, rows: int, capsys: pytest.CaptureFixture[str]
) -> None:
    show_plan(plans.plan(samples=many(samples)))
    shown = capsys.readouterr().out
    assert sum(line.startswith("s") and ".chr" in line for line in shown.splitlines()) == rows
    # all tasks have the same reason: it is said once
    assert shown.count("first round: ") == 1
    assert ("'chromplan plan --all' shows every task" in shown) == (samples == 6)
    if samples == 6:
        lengths = [line.split() for line in shown.splitlines() if line.split()[1:2] == ["6"]]
        assert [int(line[0]) for line in lengths][:3] == [1, 2, 3]
        assert len(lengths) == 22


def test_every_task_is_shown_to_whoever_asks(capsys: pytest.CaptureFixture[str]) -> None:
    show_plan(plans.plan(samples=many(6)), every_row=True)
    shown = capsys.readouterr().out
    assert sum(line.startswith("s") and ".chr" in line for line in shown.splitlines()) == 132
    assert "--all" not in shown


def test_requests_that_differ_within_a_chromosome_are_given_from_the_least_to_the_most(
    capsys: pytest.CaptureFixture[str],
) -> None:
    of = plans.config(pipeline={"regions": "500kb", "chromosomes": "21,22", "command": "run {region}"})
    plan = plans.plan(of)
    show_plan(plan)
    requests = [task.request_mb for task in plan.tasks if task.chromosome == "22"]
    assert f"{min(requests)} to {max(requests)}" in capsys.readouterr().out


def test_many_samples_of_one_chromosome_are_summed_up_without_more_lines_than_fit(
    capsys: pytest.CaptureFixture[str],
) -> None:
    show_plan(plans.plan(plans.config(pipeline={"chromosomes": "22"}), samples=many(300)))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) < 120
    assert any(line.startswith("190 more") for line in lines)


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
