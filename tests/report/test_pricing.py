"""What plans and attempts cost."""

import json
from pathlib import Path

import past_arrays
import plans
import pytest
from observed import observation
from past_arrays import Job

from planner.cli import main
from planner.core.modes import Mode
from planner.core.records import Outcome
from planner.report import pricing
from planner.report import savings as compare
from planner.report.run import saved
from planner.site import dumps
from planner.site.price import Price

WEIGHTED = plans.ONE_NODE.model_copy(update={"billing_weights": "CPU=1.0,Mem=0.25G"})


def test_a_plan_costs_what_the_site_bills_for_as_long_as_its_jobs_run() -> None:
    plan = plans.hour_long(Mode.JOBS)
    site = plan.target.site.model_copy(update={"money_per_unit_h": 0.5, "co2_g_per_unit_h": 10.0, "currency": "CHF"})
    target = plan.target.model_copy(update={"partition": WEIGHTED, "site": site})
    plan = plan.model_copy(update={"target": target})
    billed = sum(int(task.cpus + task.request_mb / 1024 / 4) for task in plan.tasks)  # an hour each
    found = pricing.price(plan)
    assert found == Price(core_h=4.0, billed_h=billed, money=billed / 2, co2_g=billed * 10)
    assert pricing.price_sentence(plan) == (
        f"costs 4 core-hours, {billed} billing unit-hours, {billed / 2:.3g} CHF, {billed * 10} g of CO2"
    )


def test_attempts_cost_what_they_held_whether_they_completed_or_not() -> None:
    plan = plans.hour_long(Mode.JOBS)
    priced = plan.model_copy(update={"target": plan.target.model_copy(update={"partition": WEIGHTED})})
    ended = [
        observation(1, 3000.0, {}, limit_mb=8192, wall_s=3600.0, cpus=1),
        observation(2, 4096.0, {}, limit_mb=4096, wall_s=1800.0, cpus=2, outcome=Outcome.OOM),
        observation(3, None, {}, limit_mb=None, wall_s=None),
    ]
    assert pricing.spent_sentence([priced], ended) == "cost so far: 2 core-hours, 4.5 billing unit-hours"
    assert pricing.spent_sentence([plan], ended) is None
    assert pricing.spent_sentence([priced], []) is None


def test_what_was_billed_is_compared_with_the_former_mem_kills_included() -> None:
    plan = plans.hour_long(Mode.JOBS)
    priced = plan.model_copy(update={"target": plan.target.model_copy(update={"partition": WEIGHTED})})
    jobs = [
        Job(id="7_1", peak_mb=3000, limit_mb=4096, wall_s=3600, cpus=1),
        Job(id="7_2", peak_mb=7000, limit_mb=8192, wall_s=1800, cpus=2),
    ]
    (array,) = past_arrays.arrays(*jobs)
    found = saved(array, 4096, [plan, priced])
    assert found is not None
    assert found.billed_s == (1 + 1) * 3600 + (2 + 2) * 1800
    # the second one would have been killed at 4 GB, and done with 8
    assert found.former_billed_s == (1 + 1) * 3600 + ((2 + 1) + (2 + 2)) * 1800
    for without in ([], [plan], [priced.model_copy(update={"mode": Mode.PACKED})]):
        unpriced = saved(array, 4096, without)
        assert unpriced is not None
        assert unpriced.billed_s is unpriced.former_billed_s is None


def test_where_the_site_tells_no_price_only_cores_are_counted_and_nothing_is_said() -> None:
    plan = plans.hour_long(Mode.TIERS)
    found = compare.figures(plan).price
    assert found is not None
    assert found.billed_h == found.core_h > 0
    assert found.money is None
    assert pricing.price_sentence(plan) is None


def test_whole_nodes_cost_all_their_cores() -> None:
    plan = plans.hour_long(Mode.JOBS, mem_policy="whole_node")
    assert pricing.price(plan).core_h == 2 * len(plan.tasks)  # type: ignore[union-attr]


def test_without_durations_there_is_no_price() -> None:
    assert pricing.price(plans.plan()) is None
    assert compare.figures(plans.plan()).price is None


def test_compare_shows_what_each_mode_costs_where_the_site_bills(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "site.toml").write_text(dumps(plans.site(partitions=(WEIGHTED,))))
    text = plans.CONFIG.replace('"1-22"', '"20-22"') + '[submit]\nsite = "./site.toml"\n'
    (tmp_path / "chromplan.toml").write_text(text)
    rows = [f"chr{c},{100 + c},{60 * c},{c}" for c in range(1, 23)]
    (tmp_path / "past.csv").write_text("\n".join(["chromosome,peak_mb,wall_s,length_mb", *rows, ""]))
    argv = ["history", "import", str(tmp_path / "past.csv"), "--tool", "beagle", "--feature", "length_mb=length_mb"]

    def shown(*words: str) -> str:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*words, "--project", str(tmp_path)])
        assert ended.value.code == 0
        return capsys.readouterr().out

    shown(*argv)
    table = shown("plan", "--compare")
    assert "core-hours" in table
    assert "unit-hours billed" in table
    assert " billing unit-hours" in shown("plan")
    found = json.loads(shown("plan", "--compare", "--json"))
    assert all(row["price"]["billed_h"] > 0 for row in found if row["becomes"])
