"""How many CPUs each task gets: cheaper than any one number for all, and near the best of all mixes."""

import csv
from itertools import product
from pathlib import Path

import numpy as np
import plans
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.config import Config
from planner.core.documents import parse_toml
from planner.core.errors import InputError
from planner.core.records import Observation, Outcome, Quality
from planner.memory.fitting import fit
from planner.memory.model import MemoryModel
from planner.plan.document import Plan
from planner.plan.threads import ThreadOption, cheapest, cost, spread
from planner.scripts.jobs import jobs
from planner.scripts.render import render
from planner.site import Partition

DATA = Path(__file__).parents[2] / "examples" / "data"
CPUS = (1, 2, 4, 8)
CORES, MEM_MB = 16, 1000


def curves() -> list[list[ThreadOption]]:
    """Return options of 22 tasks: measured CPU times of Beagle, and memory as measured with different threads.

    Time is that of a program that spends a tenth of its CPU time on one thread (Amdahl).
    """
    with (DATA / "beagle_runs.csv").open() as stream:
        runs = [row for row in csv.DictReader(stream) if row["gc"] == "serial" and row["exit_code"] == "0"]
    threads, sizes, peak_mb = (
        np.array([float(row[name]) for row in runs]) for name in ("n_threads", "n_ref_variants", "peak_rss_mb")
    )
    rows = np.column_stack([np.ones(len(runs)), np.sqrt(sizes), threads * np.sqrt(sizes), threads])
    law = np.linalg.lstsq(rows / peak_mb[:, None], np.ones(len(runs)), rcond=None)[0]
    found = []
    for row in runs[:22]:
        root, cpu_s = float(row["n_ref_variants"]) ** 0.5, float(row["cpu_s"])
        of = []
        for cpus in CPUS:
            wall_s = cpu_s * (0.1 + 0.9 / cpus)
            mem_mb = max(50.0, float(law @ [1, root, cpus * root, cpus]))
            of.append(ThreadOption(core_s=cpus * wall_s / CORES, mem_s=mem_mb * wall_s / MEM_MB, price=None))
        found.append(of)
    return found


def test_a_mix_beats_every_fixed_number_on_measured_curves() -> None:
    options = curves()
    chosen = cheapest(options)
    fixed = [cost(options, [at] * len(options)) for at in range(len(CPUS))]
    assert cost(options, chosen) < min(fixed)
    assert len(set(chosen)) > 1


def test_a_choice_is_within_five_per_cent_of_the_best_mix() -> None:
    options = curves()
    rng = np.random.default_rng(1)
    for _ in range(6):
        few = [options[task] for task in rng.choice(len(options), size=6, replace=False)]
        best = min(cost(few, way) for way in product(range(len(CPUS)), repeat=len(few)))
        assert cost(few, cheapest(few)) <= 1.05 * best


def measured(cores: int, mem_mb: int) -> list[list[ThreadOption]]:
    """Return options of five chromosomes on nodes of that size: Beagle's peak and CPU time, measured with each number.

    Only how the CPU time is shared among cores is a model, as above: the machine had two of them.
    """
    found: dict[str, list[ThreadOption]] = {}
    with (DATA / "beagle_threads.csv").open() as stream:
        for row in csv.DictReader(stream):
            cpus, wall_s = int(row["n_threads"]), float(row["cpu_s"]) * (0.1 + 0.9 / int(row["n_threads"]))
            share = float(row["peak_rss_mb"]) / mem_mb
            found.setdefault(row["chromosome"], []).append(
                ThreadOption(core_s=cpus * wall_s / cores, mem_s=share * wall_s, price=None)
            )
    return list(found.values())


NODES = [(16, mem_mb) for mem_mb in (700, 1000, 1400, 2000, 2800, 4000, 8000)]


@pytest.mark.parametrize(("cores", "mem_mb"), NODES)
def test_on_nodes_of_any_size_a_choice_is_near_the_best_mix_of_measured_runs(cores: int, mem_mb: int) -> None:
    options = measured(cores, mem_mb)
    chosen = cost(options, cheapest(options))
    assert chosen <= min(cost(options, [at] * len(options)) for at in range(len(CPUS)))
    assert chosen <= 1.05 * min(cost(options, way) for way in product(range(len(CPUS)), repeat=len(options)))


def test_a_mix_of_measured_runs_beats_every_fixed_number_on_some_node() -> None:
    better = []
    for cores, mem_mb in NODES:
        options = measured(cores, mem_mb)
        fixed = min(cost(options, [at] * len(options)) for at in range(len(CPUS)))
        better.append(cost(options, cheapest(options)) < 0.99 * fixed)
    assert any(better)


shares = st.floats(0.01, 10)
options_of_tasks = st.lists(
    st.lists(st.builds(ThreadOption, core_s=shares, mem_s=shares, price=st.none()), min_size=3, max_size=3),
    min_size=1,
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(options_of_tasks)
def test_no_fixed_option_is_ever_cheaper(options: list[list[ThreadOption]]) -> None:
    fixed = [cost(options, [at] * len(options)) for at in range(3)]
    assert cost(options, cheapest(options)) <= min(fixed) * (1 + 1e-9)


def test_with_a_price_each_task_takes_its_cheapest() -> None:
    def priced(*prices: float) -> list[ThreadOption]:
        return [ThreadOption(core_s=1, mem_s=1, price=price) for price in prices]

    assert cheapest([priced(3, 2, 4), priced(1, 5, 9)]) == [1, 0]


def test_a_first_round_tries_few_numbers_from_the_least_to_the_most() -> None:
    assert spread((1, 2, 4, 8, 16)) == [1, 4, 16]
    assert spread((2, 4)) == [2, 4]
    assert spread((3,)) == [3]


TOML = """
[pipeline]
name = "impute"
tool = "beagle"
genome = "GRCh37"
cpus = {cpus}
command = "beagle nthreads={{cpus}} chrom={{chromosome}}"
time = "02:00:00"
"""


def config(cpus: str = '"auto"', more: str = "") -> Config:
    return parse_toml(TOML.format(cpus=cpus) + more, Config, path="chromplan.toml")


def seen(mem_mb_per_cpu: float = 20.0) -> MemoryModel:
    """Return a model that has seen all sizes with 1, 4 and 16 CPUs: 10 MB for each Mb, a tenth of the time serial."""
    rows = []
    for number, (length, cpus) in enumerate(product((50, 100, 150, 200, 250), (1, 4, 16))):
        rows.append(
            Observation(
                tool="beagle",
                task=f"t{number}",
                sample="",
                chromosome="1",
                features={"length_mb": float(length), "cpus": float(cpus)},
                peak_mb=100 + 10.0 * length + mem_mb_per_cpu * cpus,
                limit_mb=9000,
                wall_s=60 * length * (0.1 + 0.9 / cpus),
                outcome=Outcome.COMPLETED,
                quality=Quality.MEASURED,
                job_id=str(number),
                submit_s=number,
                cpus=cpus,
            )
        )
    return fit(rows, tool="beagle", feature_names=("length_mb", "cpus"))


def numbers(plan: Plan) -> set[int]:
    return {task.cpus for task in plan.tasks}


def test_without_a_history_the_pilot_tries_few_numbers_of_all_sizes() -> None:
    plan = plans.plan(config())
    assert numbers(plan) == {1, 4, 16}
    assert len(plan.tasks) == 9
    assert {task.features["cpus"] for task in plan.tasks} == {1.0, 4.0, 16.0}
    assert any("not known yet: tasks try 1, 4, 16" in note for note in plan.notes)


@pytest.mark.parametrize(("cores", "tried"), [(2, {1, 2}), (4, {1, 2, 4}), (1, {1})])
def test_a_first_round_tries_numbers_that_the_nodes_have(cores: int, tried: set[int]) -> None:
    at = Partition(name="main", nodes=4, cores=cores, mem_mb=64_000, default=True)
    assert numbers(plans.plan(config(), at=plans.site(partitions=(at,)))) == tried


def test_where_memory_is_scarce_tasks_take_more_cpus_than_where_cores_are() -> None:
    def mean(mem_mb: int) -> float:
        at = Partition(name="main", nodes=4, cores=16, mem_mb=mem_mb, default=True)
        plan = plans.plan(config(), model=seen(), at=plans.site(partitions=(at,)))
        return sum(task.cpus for task in plan.tasks) / len(plan.tasks)

    assert mean(6_000) > mean(200_000) == 1


def test_the_request_and_the_command_follow_the_number() -> None:
    at = Partition(name="main", nodes=4, cores=16, mem_mb=6_000, default=True)
    plan = plans.plan(config(), model=seen(), at=plans.site(partitions=(at,)))
    assert any(note.startswith("CPUs that cost least: ") for note in plan.notes)
    scripts = render(plan)
    arrays = jobs(plan)
    assert {job.cpus for job in arrays} == numbers(plan)
    for job in arrays:
        assert {task.cpus for task in job.tasks} == {job.cpus}
        assert f"#SBATCH --cpus-per-task={job.cpus}" in scripts[job.script]
        assert f"export CHROMPLAN_CPUS={job.cpus}" in scripts[job.script]
    assert sorted(task.task for job in arrays for task in job.tasks) == sorted(task.task for task in plan.tasks)


def test_billing_weights_decide_where_the_site_has_them() -> None:
    def mean(weights: str) -> float:
        at = Partition(name="main", nodes=4, cores=16, mem_mb=64_000, default=True, billing_weights=weights)
        plan = plans.plan(config(), model=seen(), at=plans.site(partitions=(at,)))
        return sum(task.cpus for task in plan.tasks) / len(plan.tasks)

    assert mean("CPU=100") == 1
    assert mean("CPU=1,Mem=100G") > 4


@pytest.mark.parametrize("mode", ["packed", "dynamic"])
def test_tasks_that_share_an_allocation_all_have_one_number(mode: str) -> None:
    plan = plans.plan(config(more=f'[submit]\nmode = "{mode}"\n'), model=seen())
    assert len(numbers(plan)) == 1


def test_a_list_names_the_numbers() -> None:
    at = Partition(name="main", nodes=4, cores=16, mem_mb=6_000, default=True)
    plan = plans.plan(config("[2, 6]"), model=seen(), at=plans.site(partitions=(at,)))
    assert numbers(plan) <= {2, 6}


def test_no_task_gets_more_cpus_than_a_node_has() -> None:
    at = Partition(name="main", nodes=4, cores=4, mem_mb=6_000, default=True)
    assert numbers(plans.plan(config(), model=seen(), at=plans.site(partitions=(at,)))) <= {1, 2, 4}
    assert numbers(plans.plan(config(), at=plans.site(partitions=(at,)))) <= {1, 2, 4}


@pytest.mark.parametrize("wrong", ["[]", "0", '"many"', "[0]", "1.5"])
def test_what_is_no_number_of_cpus_is_refused(wrong: str) -> None:
    with pytest.raises(InputError, match="cpus"):
        config(wrong)


def test_a_fixed_number_is_as_before() -> None:
    plan = plans.plan(config("2"))
    assert numbers(plan) == {2}
    assert plan.cpus == ()
    assert "cpus" not in plan.tasks[0].features
