"""A plan as jobs: arrays within the site's limits, never more than K at once, in the plan's order."""

import itertools
import re
from pathlib import Path

import plans
import pytest
from checked import check
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.modes import Mode
from planner.core.samples import Sample
from planner.plan.document import Plan
from planner.scripts import render
from planner.scripts.job import Job
from planner.scripts.jobs import NICE_LEVELS, jobs, nices
from planner.scripts.options import submit_options, updates

ARRAYS = (Mode.ARRAY, Mode.TIERS)


def plan_of(mode: Mode, *, samples: int = 3, k: int | None = None, **site: object) -> Plan:
    names = [Sample(name=f"s{i}", columns={}) for i in range(samples)]
    return plans.plan(plans.config(submit={"mode": mode, "max_running": k}), at=plans.site(**site), samples=names)


def indices(array: str) -> list[int]:
    found: list[int] = []
    for piece in array.partition("%")[0].split(","):
        first, _, last = piece.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


def most_running(found: list[Job]) -> int:
    """Return how many elements may run together: a job waits for those before it in its chain."""
    follows = {job.after for job in found}
    ends_of_chains = [job for job in found if job.script not in follows]
    by_script = {job.script: job for job in found}
    total = 0
    for job in ends_of_chains:
        widest, link = 0, job
        while True:
            throttle = int((link.array or "%1").partition("%")[2] or len(link.tasks))
            widest = max(widest, min(throttle, len(link.tasks)))
            if link.after is None:
                break
            link = by_script[link.after]
        total += widest
    return total


@pytest.mark.parametrize("mode", ARRAYS)
@settings(deadline=None, max_examples=15)
@given(longest=st.integers(1, 90), k=st.none() | st.integers(1, 12))
def test_every_task_is_one_element_below_the_sites_largest_index(mode: Mode, longest: int, k: int | None) -> None:
    plan = plan_of(mode, k=k, max_array_size=longest)
    found = jobs(plan)
    assert sorted(task.task for job in found for task in job.tasks) == sorted(task.task for task in plan.tasks)
    for job in found:
        assert job.array is not None
        assert indices(job.array) == sorted(job.element(task) for task in job.tasks)
        assert max(indices(job.array)) < longest
    assert len({job.name for job in found}) == len({job.script for job in found}) == len(found)


@pytest.mark.parametrize("mode", [*ARRAYS, Mode.JOBS])
@settings(deadline=None, max_examples=15)
@given(longest=st.integers(3, 90), k=st.integers(1, 12))
def test_no_more_than_k_run_at_once(mode: Mode, longest: int, k: int) -> None:
    assert most_running(jobs(plan_of(mode, k=k, max_array_size=longest))) <= k


def test_an_array_that_fits_keeps_its_plain_name() -> None:
    assert [job.script for job in jobs(plan_of(Mode.ARRAY))] == ["array.sh"]
    assert [job.script for job in jobs(plan_of(Mode.ARRAY, max_array_size=25))] == [
        "array-part-1.sh",
        "array-part-2.sh",
        "array-part-3.sh",
    ]


def test_parts_follow_each_other_where_k_counts_and_start_together_where_not() -> None:
    waiting = [job.after for job in jobs(plan_of(Mode.ARRAY, max_array_size=25, k=4))]
    assert waiting == [None, "array-part-1.sh", "array-part-2.sh"]
    assert {job.after for job in jobs(plan_of(Mode.ARRAY, max_array_size=25))} == {None}


def test_jobs_run_in_k_lanes_of_their_own_names_in_order() -> None:
    found = jobs(plan_of(Mode.JOBS, samples=1, k=3))
    assert [job.after is None for job in found[:4]] == [True, True, True, False]
    assert len({job.name for job in found}) == 22
    assert [job.nice for job in found] == list(range(22))
    waited_for = [job.after for job in found if job.after]
    assert len(set(waited_for)) == len(waited_for)


def test_a_lane_is_a_dependency_on_the_job_before() -> None:
    plan = plan_of(Mode.JOBS, samples=1, k=1)
    second = jobs(plan)[1]
    assert submit_options(plan, second, {"jobs/s0.chr1.sh": "77"})[-1] == "--dependency=afterany:77"


def test_a_job_is_found_again_by_a_comment_of_its_own_beside_the_users() -> None:
    plan = plan_of(Mode.JOBS, samples=1, k=1)
    job = jobs(plan)[1]
    assert "--comment=chromplan:r001:abc123:jobs/s0.chr2.sh" in submit_options(plan, job, {})


def test_the_parts_script_knows_each_element(tmp_path: object) -> None:
    plan = plan_of(Mode.ARRAY, max_array_size=25)
    text = render.render(plan)["array-part-3.sh"]
    assert "#SBATCH --array=0-15\n" in text
    first = min(plan.tasks[50:], key=lambda task: task.element)
    assert re.findall(r"^  (\d+)\) set -- (\S+)", text, re.MULTILINE)[0] == ("0", first.task)


def test_the_submit_script_gives_the_elements_of_each_part_their_memory() -> None:
    text = render.render(plan_of(Mode.ARRAY, max_array_size=25, k=4, submit_rate="6/min"))["submit.sh"]
    assert text.count("sleep 10 #") == 2
    assert '"--dependency=afterany:${ids[array-part-2.sh]}"' in text
    updated = re.findall(
        r"update JobId=\$\{ids\[(\S+)\]\}_(\d+) MinMemoryNode=\d+ Nice=\d+$", text.replace('"', "\n"), re.MULTILINE
    )
    assert sorted((script, int(index)) for script, index in updated) == [
        (f"array-part-{part}.sh", index) for part, last in ((1, 25), (2, 25), (3, 16)) for index in range(last)
    ]


def timed(plan: Plan) -> Plan:
    """Return the plan with a time limit of its own for each task: from an hour on, a minute and a second more each."""
    tasks = [task.model_copy(update={"time_limit_s": 3600 + 61 * task.index}) for task in plan.tasks]
    return plan.model_copy(update={"tasks": tasks})


def test_elements_get_time_limits_of_their_own_in_whole_minutes_where_they_are_shorter_than_the_arrays() -> None:
    plan = timed(plan_of(Mode.ARRAY, samples=1))
    assert "#SBATCH --time=01:21:21\n" in render.render(plan)["array.sh"]
    limits = [update.time_limit for update in updates(plan, jobs(plan))]
    assert limits[:2] == ["1:00:00", "1:02:00"]
    assert limits[20:] == ["1:21:00", None]
    assert [update.time_limit for update in updates(plan_of(Mode.ARRAY, samples=1), jobs(plan))][:2] == [None, None]


@pytest.mark.parametrize("longest", [8, 1001])
def test_the_submit_script_of_timed_elements_is_clean(longest: int, tmp_path: Path) -> None:
    plan = timed(plan_of(Mode.ARRAY, samples=1, max_array_size=longest))
    rendered = render.render(plan)
    assert rendered["submit.sh"].count(" TimeLimit=1:00:00 Nice=0\n") == 1
    check(rendered, tmp_path)


def test_an_element_of_one_sample_has_its_chromosomes_number_in_every_mode_and_order() -> None:
    plan = plans.plan(plans.config(pipeline={"chromosomes": "20-22,X,Y,MT"}, submit={"mode": "array"}))
    wanted = {"chr20": 20, "chr21": 21, "chr22": 22, "chrX": 23, "chrY": 24, "chrMT": 25}
    for mode in ARRAYS:
        assert {task.task: job.element(task) for job in jobs(plan, mode) for task in job.tasks} == wanted
    assert [job.array for job in jobs(plan)] == ["20-25"]


def test_an_element_of_several_samples_keeps_its_index_when_others_are_done() -> None:
    samples = [Sample(name=name, columns={}) for name in ("a", "b")]
    of = {mode: plan_of(mode, samples=2) for mode in ARRAYS}
    whole = {task.task: task.element for task in of[Mode.ARRAY].tasks}
    assert sorted(whole.values()) == list(range(1, 45))
    assert whole == {task.task: task.element for task in of[Mode.TIERS].tasks}
    left = plans.plan(plans.config(), samples=samples[::-1])
    assert {task.task for task in left.tasks if task.element == 1} == {"b.chr1"}


@settings(deadline=None)
@given(st.integers(1, 30_000))
def test_nice_goes_up_in_the_plans_order_in_few_small_steps(count: int) -> None:
    found = nices(count)
    assert found[0] == 0
    assert {later - one for one, later in itertools.pairwise(found)} <= {0, 1}
    assert found[-1] < NICE_LEVELS
    assert count > NICE_LEVELS or found == list(range(count))


def test_updates_name_the_elements_in_the_plans_order() -> None:
    plan = plan_of(Mode.ARRAY, max_array_size=25)
    found = updates(plan, jobs(plan))
    task_of = {(job.script, job.element(task)): task.task for job in jobs(plan) for task in job.tasks}
    assert [task_of[one.script, one.elements[0]] for one in found] == [task.task for task in plan.tasks]
    assert [one.nice for one in found] == nices(66)


def test_where_cores_carry_memory_a_batch_asks_for_the_cores_that_hold_its_tasks() -> None:
    plan = plan_of(Mode.PACKED, samples=1, k=2, mem_policy="cpus_only", mem_per_core_default_mb=1000)
    batch = plan.batches[0]
    ntasks = re.search(r"--ntasks=(\d+)", render.render(plan)["batch-1.sh"])
    assert ntasks
    assert int(ntasks[1]) * batch.cpus * 1000 >= batch.mem_mb
    assert int(ntasks[1]) > batch.slots


def test_no_batch_asks_for_more_per_core_than_the_site_allows() -> None:
    plan = plan_of(Mode.PACKED, samples=1, mem_per_core_max_mb=4000)
    for name, text in render.render(plan).items():
        if name.startswith("batch"):
            mem, ntasks = re.search(r"--mem=(\d+)M", text), re.search(r"--ntasks=(\d+)", text)
            assert mem
            assert ntasks
            assert int(mem[1]) <= 4000 * int(ntasks[1])
