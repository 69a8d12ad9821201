"""A plan drawn: its memory over time."""

from pathlib import Path
from typing import Any

import plans
import pytest

from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.plan.document import LeftOut, Plan
from planner.report import planned, timeline


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


@pytest.mark.parametrize("mode", [mode for mode in Mode if mode is not Mode.HET])
def test_without_durations_what_each_task_asks_for_is_drawn(mode: Mode, tmp_path: Path) -> None:
    plan = plans.plan(plans.config(submit={"mode": mode}))
    left = [LeftOut(task="chr23", reason="waits for the pilot's results")]
    planned.draw(tmp_path / "plan.svg", plan.model_copy(update={"left_out": left}))
    text = (tmp_path / "plan.svg").read_text()
    assert "<desc>Memory asked for. How long the tasks take is not known yet" in text
    assert "Not drawn: 1 task, waits for the pilot" in text
    assert all(f"<!-- {task.task} -->" in text for task in plan.tasks)


def test_of_more_tasks_than_can_be_named_the_bars_are_drawn_alone(tmp_path: Path) -> None:
    plan = plans.plan()
    many = [
        task.model_copy(update={"task": f"{task.task}.{copy}", "index": 22 * copy + task.index, "predicted_mb": None})
        for copy in range(10)
        for task in plan.tasks
    ]
    planned.draw(tmp_path / "plan.svg", plan.model_copy(update={"tasks": many}))
    assert "<!-- chr1.0 -->" not in (tmp_path / "plan.svg").read_text()


def test_a_plan_without_tasks_has_nothing_to_draw(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no task is planned"):
        planned.draw(tmp_path / "plan.svg", plans.plan().model_copy(update={"tasks": []}))


def test_tasks_that_start_as_others_end_are_never_held_together() -> None:
    starts = [0.1 + 0.2, 0.6]
    schedule = planned.scheduled(starts, [0.3, 0.1], [5.0, 3.0])
    assert schedule.peak == 5.0


def said(plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Return what a plan's picture is made of."""
    drawn: dict[str, Any] = {}

    def take(_path: Path, tasks: timeline.Tasks, panels: list[timeline.Panel], **rest: Any) -> None:
        drawn.update(tasks=tasks, panel=panels[0], **rest)

    monkeypatch.setattr(timeline, "draw", take)
    planned.draw(tmp_path / "plan.svg", plan)
    return drawn


def test_what_is_asked_for_is_told_from_what_is_expected_in_use(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = timed()
    tasks = [task.model_copy(update={"predicted_mb": task.request_mb / 2}) for task in plan.tasks]
    drawn = said(plan.model_copy(update={"tasks": tasks}), monkeypatch, tmp_path)
    assert drawn["tasks"].mem_is == "memory asked for"
    assert max(used for _, used in drawn["panel"].used) == pytest.approx(drawn["panel"].schedule.peak / 2)


def test_a_tier_asks_for_what_its_largest_task_needs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    drawn = said(timed().model_copy(update={"mode": Mode.TIERS}), monkeypatch, tmp_path)
    assert len(set(drawn["tasks"].mem)) < 22


@pytest.mark.parametrize(("nodes", "cap_is", "times"), [(4, "capacity (4 nodes)", 4), (None, "capacity (one node)", 1)])
def test_the_capacity_is_that_of_all_nodes_or_of_one_where_they_are_not_counted(
    nodes: int | None, cap_is: str, times: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan = timed()
    partition = plan.target.partition.model_copy(update={"nodes": nodes})
    target = plan.target.model_copy(update={"partition": partition})
    drawn = said(plan.model_copy(update={"target": target}), monkeypatch, tmp_path)
    assert drawn["tasks"].cap_is == cap_is
    assert drawn["cap"] == pytest.approx(times * partition.cap_mb / 1024)


def test_what_waits_for_a_first_round_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    left = [LeftOut(task="chr23", reason="waits for the pilot's results")]
    drawn = said(timed().model_copy(update={"left_out": left}), monkeypatch, tmp_path)
    assert drawn["tasks"].note == "Not drawn: 1 task, waits for the pilot's results"


def test_names_are_whole_and_what_is_drawn_is_what_is_asked_for(tmp_path: Path) -> None:
    planned.draw(tmp_path / "plan.svg", timed())
    text = (tmp_path / "plan.svg").read_text()
    assert "<desc>Above: memory asked for" in text
