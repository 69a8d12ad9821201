"""A plan drawn: its memory over time."""

from pathlib import Path

import plans
import pytest

from planner.core.errors import InputError
from planner.plan.document import Plan
from planner.report import planned


def timed() -> Plan:
    plan = plans.plan()
    tasks = [task.model_copy(update={"wall_s": 600.0, "start_s": 300.0 * task.index}) for task in plan.tasks]
    return plan.model_copy(update={"tasks": tasks})


def test_the_memory_over_time_is_the_sum_of_what_runs() -> None:
    schedule = planned.scheduled([0.0, 1.0, 2.0], [2.0, 2.0, 1.0], [5.0, 3.0, 4.0])
    assert schedule.profile == ((0.0, 5.0), (1.0, 8.0), (2.0, 7.0), (3.0, 0.0))
    assert (schedule.peak, schedule.makespan) == (8.0, 3.0)


def test_a_plan_is_drawn_with_every_task(tmp_path: Path) -> None:
    planned.draw(tmp_path / "plan.svg", timed())
    assert (tmp_path / "plan.svg").read_text().count("<path") > 22


def test_without_durations_there_is_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not known how long its tasks take"):
        planned.draw(tmp_path / "plan.svg", plans.plan())


def test_tasks_that_start_as_others_end_are_never_held_together() -> None:
    starts = [0.1 + 0.2, 0.6]
    schedule = planned.scheduled(starts, [0.3, 0.1], [5.0, 3.0])
    assert schedule.peak == 5.0


def test_names_are_whole_and_what_is_drawn_is_what_is_asked_for(tmp_path: Path) -> None:
    planned.draw(tmp_path / "plan.svg", timed())
    text = (tmp_path / "plan.svg").read_text()
    assert "<desc>Above: memory asked for" in text
