"""The pilot: which tasks run first when nothing is known of a tool's memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plans
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.core import genomes
from planner.core.records import Task
from planner.core.samples import Sample
from planner.plan import pilot
from planner.plan.sizes import relative_sizes

LENGTHS = genomes.lengths("GRCh38")
AUTOSOMES = [str(number) for number in range(1, 23)]


def tasks(
    features: Mapping[str, Any], *, samples: tuple[str, ...] = ("",), chromosomes: list[str] | None = None
) -> list[Task]:
    """Return tasks whose features are numbers, or functions of (sample's number, length in Mb)."""
    return [
        Task(
            name=f"{sample}.chr{chromosome}",
            tool="new",
            sample=sample,
            chromosome=chromosome,
            length_bp=LENGTHS[chromosome],
            features={
                name: float(value(number, LENGTHS[chromosome] / 1e6) if callable(value) else value)
                for name, value in features.items()
            },
        )
        for number, sample in enumerate(samples)
        for chromosome in chromosomes or AUTOSOMES
    ]


def chosen(of: list[Task], most: int = 3, measured: tuple[str, ...] = ("length_mb", "bytes")) -> list[Task]:
    return pilot.choose(of, relative_sizes(of, measured), most)


def chromosomes(of: list[Task]) -> list[str]:
    return [task.chromosome for task in of]


def length(_: int, length_mb: float) -> float:
    return length_mb


SPAN = ["21", "14", "6"]


@pytest.mark.parametrize(
    "features",
    [
        {"length_mb": length},
        {"length_mb": length, "n_threads": 1},
        {"n_ref_samples": 2504, "length_mb": length},
        {"length_mb": length, "zero": 0, "negative": -3.5},
        {"length_mb": length, "depth": lambda _, mb: 1 / mb},
        {"depth": lambda _, mb: 1 / mb, "length_mb": length},
        {"falls": lambda _, mb: 1 / mb},
        {"falls_below_zero": lambda _, mb: -mb},
        {"cpus": 4},
        {},
        {"bytes": lambda _, mb: 1e7 * mb, "length_mb": length},
        {"above_the_shortest": lambda _, mb: mb - 46.709983},
    ],
    ids=lambda features: " ".join(features) or "none",
)
def test_a_pilot_spans_the_sizes_whatever_else_the_features_hold(features: Mapping[str, Any]) -> None:
    assert chromosomes(chosen(tasks(features))) == SPAN


def test_what_is_measured_of_the_input_counts_more_than_the_chromosomes_length() -> None:
    found = chosen(tasks({"bytes": lambda _, mb: 1e9 / mb, "falls": lambda _, mb: mb}))
    assert chromosomes(found) == ["1", "9", "17"]


def test_a_pilot_over_samples_spans_the_sizes_and_takes_different_samples() -> None:
    found = chosen(tasks({"length_mb": length, "n_ref": 2504}, samples=tuple(f"s{i}" for i in range(100))))
    assert chromosomes(found) == SPAN
    assert len({task.sample for task in found}) == 3


def test_what_varies_only_over_samples_counts() -> None:
    sizes = {"small": 10, "middle": 300, "large": 9000}
    found = chosen(
        tasks({"n_samples": lambda number, _: list(sizes.values())[number]}, samples=tuple(sizes), chromosomes=["20"])
        + tasks({"n_samples": 9500}, samples=("largest",), chromosomes=["20"])
    )
    assert [task.sample for task in found] == ["small", "middle", "large"]


def test_where_features_tell_samples_apart_alone_the_pilot_spans_the_lengths_too() -> None:
    found = chosen(tasks({"n_samples": lambda number, _: [10, 300, 9000][number]}, samples=("s", "m", "l")))
    assert [task.name for task in found] == ["s.chr21", "m.chr14", "l.chr6"]


def test_tasks_of_one_size_are_of_different_samples() -> None:
    found = chosen(tasks({"cpus": 4}, samples=tuple("abcdef"), chromosomes=["20"]))
    assert [task.sample for task in found] == ["a", "b", "c"]


def test_columns_that_run_against_each_other_do_not_cancel() -> None:
    found = tasks(
        {"n_samples": lambda number, _: 10.0 ** (number + 1), "depth": lambda number, _: 10.0 ** (3 - number)},
        samples=tuple("abcd"),
        chromosomes=["20"],
    )
    sizes = relative_sizes(found)
    assert sorted(sizes, key=lambda name: sizes[name]) == ["a.chr20", "b.chr20", "c.chr20", "d.chr20"]


def test_a_name_that_is_no_chromosome_of_the_genome_has_a_size_by_its_features() -> None:
    named = [
        Task(name=name, tool="new", sample="", chromosome=name, features={"n": n}) for name, n in (("x", 3), ("y", 1))
    ]
    assert relative_sizes(named) == pytest.approx({"x": 1.0, "y": 1 / 3})


@given(
    columns=st.lists(st.lists(st.floats(-1e12, 1e12), min_size=12, max_size=12), max_size=4),
    count=st.integers(1, 12),
    most=st.integers(1, 15),
)
def test_any_features_give_a_pilot_of_the_number_asked_for(columns: list[list[float]], count: int, most: int) -> None:
    of = [
        Task(
            name=f"s{n % 3}.{n}",
            tool="new",
            sample=f"s{n % 3}",
            chromosome=AUTOSOMES[n],
            length_bp=LENGTHS[AUTOSOMES[n]],
            features={f"f{j}": column[n] for j, column in enumerate(columns)},
        )
        for n in range(count)
    ]
    sizes = relative_sizes(of)
    found = pilot.choose(of, sizes, most)
    assert len({task.name for task in found}) == len(found) == min(most, count)
    assert all(0 <= size <= 1 for size in sizes.values())
    assert [sizes[task.name] for task in found] == pytest.approx(sorted(sizes[task.name] for task in found))
    assert sizes[found[0].name] == pytest.approx(min(sizes.values()), rel=1e-6)


@pytest.mark.parametrize("samples", [1, 100])
def test_a_plan_holds_back_the_rest_and_says_so(samples: int) -> None:
    table = [Sample(name=f"s{number}", columns={}) for number in range(samples)]
    plan = plans.plan(plans.config(memory={"formula": None}), samples=table)
    assert sorted(task.chromosome for task in plan.tasks) == sorted(SPAN)
    assert {left.reason for left in plan.left_out} == {"waits for the pilot's results"}
    assert len(plan.left_out) == 22 * samples - 3
    assert plan.notes == [
        "nothing is known of this tool's memory yet: a few tasks of all sizes go first, 'chromplan next' plans the rest"
    ]


def test_one_task_is_no_pilot() -> None:
    plan = plans.plan(plans.config(plans.CONFIG.replace('"1-22"', '"22"'), memory={"formula": None}))
    assert [task.task for task in plan.tasks] == ["chr22"]
    assert plan.left_out == []


def test_every_task_of_a_plan_says_its_size() -> None:
    sizes = {task.task: task.size for task in plans.plan().tasks}
    assert sizes["chr1"] == 1.0
    assert sizes["chr21"] == pytest.approx(48.129895 / 249.250621)
