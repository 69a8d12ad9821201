"""With ``max_running`` the order of an array may be searched for so many at once."""

import plans
import pytest
from observed import fitted

from planner.core.modes import Mode, Ordering
from planner.plan.document import Plan
from planner.schedule.listing import Machine, Schedule, list_schedule
from planner.scripts import render


def planned(order: Ordering | None, *, k: int | None = 5, timed: bool = True, mode: Mode = Mode.ARRAY) -> Plan:
    config = plans.config(submit={"mode": mode, "max_running": k, "order": order})
    return plans.plan(config, model=fitted() if timed else None)


def run(plan: Plan, *, natural: bool = False) -> Schedule:
    tasks = sorted(plan.tasks, key=lambda task: task.element) if natural else plan.tasks
    mem, wall = [task.request_mb for task in tasks], [task.wall_s or 0.0 for task in tasks]
    return list_schedule(range(len(tasks)), mem, wall, Machine(slots=5))


@pytest.mark.parametrize("order", [Ordering.ANNEAL, Ordering.HILL_CLIMB])
def test_a_searched_order_is_the_arrays_and_peaks_below_the_natural_one(order: Ordering) -> None:
    plan = planned(order)
    assert run(plan).peak < run(plan, natural=True).peak
    assert [task.index for task in plan.tasks] == list(range(22))
    assert "%5" in render.render(plan)["submit.sh"] + render.render(plan)["array.sh"]
    assert planned(order).tasks == plan.tasks


@pytest.mark.parametrize("order", list(Ordering))
def test_the_plan_says_the_peak_that_it_expects_and_the_natural_orders(order: Ordering) -> None:
    plan = planned(order)
    (note,) = plan.notes
    assert note.startswith(f"order {order}, 5 at once: peak {run(plan).peak:.0f} MB, ")
    assert f"; natural order: peak {run(plan, natural=True).peak:.0f} MB, " in note


def test_by_cost_is_what_is_planned_without_being_asked() -> None:
    assert [task.task for task in planned(Ordering.COST).tasks] == [task.task for task in planned(None).tasks]
    assert planned(None).notes == []


@pytest.mark.parametrize("k", [None, 22, 30])
def test_where_all_may_run_at_once_there_is_nothing_to_search(k: int | None) -> None:
    (note,) = planned(Ordering.ANNEAL, k=k).notes
    assert "all tasks may run at once" in note


def test_without_durations_nothing_is_searched_and_the_plan_says_so() -> None:
    plan = planned(Ordering.ANNEAL, timed=False)
    assert "durations are not known yet" in "".join(plan.notes)


def test_an_order_for_batches_that_have_their_own_is_said_to_have_no_effect() -> None:
    assert "start in the mode's own order" in "".join(planned(Ordering.ANNEAL, mode=Mode.PACKED).notes)
