"""Mode auto: which mode suits, and the reason in the plan."""

import plans
import pytest
from observed import observation

from planner.core.config import Submit
from planner.core.modes import MODES, Mode
from planner.memory.fitting import fit
from planner.memory.model import MemoryModel
from planner.plan.document import Plan
from planner.site import Partition
from planner.site.model import FOLLOW_UPS


@pytest.fixture(scope="module")
def model() -> MemoryModel:
    rows = [
        observation(
            i,
            100 + 20 * (40.0 + 10 * i) * (1 + 0.01 * (-1) ** i),
            {"length_mb": 40.0 + 10 * i},
            task=f"old.chr{i}",
            sample="old",
            chromosome=str(i),
            limit_mb=9000,
            wall_s=600 + 10.0 * i,
        )
        for i in range(22)
    ]
    return fit(rows, tool="beagle", feature_names=("length_mb",))


def auto(chromosomes: str = "1-22", model: MemoryModel | None = None, **site: object) -> Plan:
    config = plans.config(submit={"mode": "auto"}, pipeline={"chromosomes": chromosomes})
    return plans.plan(config, at=plans.site(**site), model=model)


@pytest.mark.parametrize(
    ("site", "mode", "reason"),
    [
        ({}, Mode.ARRAY, "mode array: 22 tasks in one submission, each element with its own memory"),
        (
            {"job_updates": False},
            Mode.TIERS,
            "mode tiers: site test forbids changing pending jobs: an array per memory tier",
        ),
        (
            {"mem_policy": "mem_per_cpu"},
            Mode.TIERS,
            "mode tiers: site test takes no --mem (mem_per_cpu): an array per memory tier",
        ),
        (
            {"mem_policy": "whole_node"},
            Mode.PACKED,
            "mode packed: site test gives whole nodes: the tasks share them as steps",
        ),
        (
            {"max_submit": 10 + FOLLOW_UPS},
            Mode.PACKED,
            "mode packed: 22 tasks, and site test takes 10 jobs at once: as steps of few jobs they all go out",
        ),
    ],
)
def test_the_mode_follows_from_the_site(site: dict[str, object], mode: Mode, reason: str) -> None:
    plan = auto(**site)  # type: ignore[arg-type]
    assert plan.mode is mode
    assert plan.notes == [reason]


def test_where_nodes_are_given_whole_an_array_becomes_batches_that_share_them() -> None:
    plan = plans.plan(plans.config(submit={"mode": "array"}), at=plans.site(mem_policy="whole_node"))
    assert plan.mode is Mode.PACKED
    assert plan.notes == ["site test gives whole nodes: mode packed instead of a node per task"]


def test_a_few_tasks_are_jobs() -> None:
    assert auto("20-22").notes == ["mode jobs: only 3 tasks: a job for each, with exactly what it needs"]


def test_tasks_that_leave_no_room_for_a_script_are_not_packed() -> None:
    tight = Partition(name="tight", nodes=4, cores=8, mem_mb=5100)
    assert auto(mem_policy="whole_node", partitions=(tight,)).mode is Mode.TIERS


def test_nodes_of_two_types_work_together_where_that_ends_much_sooner(model: MemoryModel) -> None:
    thin = Partition(name="thin", nodes=6, cores=8, mem_mb=3500)
    fat = Partition(name="fat", nodes=1, cores=16, mem_mb=7000)
    plan = auto(model=model, partitions=(thin, fat))
    assert plan.mode is Mode.HET
    assert plan.notes[0].startswith("mode het: nodes of fat and thin end in ")
    assert len({task.batch for task in plan.tasks}) == len(plan.batches)


def test_where_the_large_nodes_suffice_alone_it_stays_an_array(model: MemoryModel) -> None:
    thin = Partition(name="thin", nodes=6, cores=8, mem_mb=3500)
    fat = Partition(name="fat", nodes=10, cores=64, mem_mb=64_000)
    assert auto(model=model, partitions=(thin, fat)).mode is Mode.ARRAY


def test_every_mode_may_be_configured_and_asked_for() -> None:
    schema = Submit.model_json_schema()["properties"]["mode"]
    assert schema["enum"] == [*Mode, "auto"] == list(MODES)
