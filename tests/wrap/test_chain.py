"""Steps one after another: what waits for what."""

from __future__ import annotations

import plans
import pytest

from planner.core.modes import Mode
from planner.core.records import Outcome
from planner.plan import steps as following
from planner.plan.document import Plan
from planner.plan.inputs import Earlier, Preceding
from planner.rounds.progress import TaskStatus
from planner.scripts.jobs import jobs
from planner.scripts.options import submit_options
from planner.wrap import chain

ELEMENTS = "".join(f'[[wrap.elements]]\nindex = {c}\nchromosome = "{c}"\ntask = "chr{c}"\n' for c in (19, 20, 21, 22))
ONE = f"""
[pipeline]
name = "impute"
tool = "beagle"
command = "true {{index}}"
[wrap]
folder = "/"
content = "copy"
job_name = "impute"
array = "19-22"
{ELEMENTS}
"""


def plan(mode: Mode = Mode.ARRAY) -> Plan:
    return plans.plan(plans.config(ONE, memory={"formula": "10 * length_mb"}, submit={"mode": mode}))


def status(
    task: str, job_id: str | None, outcome: Outcome | None, *, evidence: str = "", wall_s: float = 0
) -> TaskStatus:
    return TaskStatus(
        sample="",
        task=task,
        round=1,
        state="",
        outcome=outcome,
        request_mb=100,
        time_limit_s=60,
        peak_mb=None,
        quality=None,
        wall_s=wall_s,
        job_id=job_id,
        evidence=evidence,
    )


def before(
    chromosome: int, job_id: str | None, outcome: Outcome | None = None, *, sample: str = "", project: str = "phase"
) -> Preceding:
    task = f"chr{chromosome}"
    return Preceding(
        project=project, task=task, sample=sample, chromosome=str(chromosome), outcome=outcome, job_id=job_id
    )


def waits(found: Plan) -> dict[str, list[str]]:
    return {task.task: task.after for task in found.tasks}


def test_after_one_array_of_its_own_indices_an_array_follows() -> None:
    found = following.follow(plan(), [before(c, f"7_{c}") for c in range(19, 23)])
    assert found.mode is Mode.ARRAY
    (job,) = jobs(found)
    words = submit_options(found, job, {})
    assert words[-2:] == ["--dependency=aftercorr:7", "--kill-on-invalid-dep=yes"]


@pytest.mark.parametrize(
    "elements",
    [
        ["7_19", "7_20", "8_21", "8_22"],  # tiers
        ["7", "8", "9", "10"],  # jobs
        ["7_0", "7_1", "7_2", "7_3"],  # other indices
        ["7_19", "7_19", "7_20", "7_21"],  # two tasks wait for one
    ],
)
def test_after_several_jobs_or_other_indices_each_task_is_a_submission(elements: list[str]) -> None:
    found = following.follow(plan(), [before(c, job) for c, job in zip(range(19, 23), elements, strict=True)])
    assert found.mode is Mode.JOBS
    assert "a job per task" in found.notes[-1]
    of_chr20 = next(job for job in jobs(found) if job.tasks[0].task == "chr20")
    assert f"--dependency=afterok:{elements[1]}" in submit_options(found, of_chr20, {})


def test_a_step_that_is_done_is_not_waited_for() -> None:
    steps = [before(c, f"7_{c}", Outcome.COMPLETED) for c in range(19, 23)]
    found = following.follow(plan(), steps)
    assert set(map(tuple, waits(found).values())) == {()}
    assert found.mode is Mode.ARRAY
    (job,) = jobs(found)
    assert not any(word.startswith("--dependency") for word in submit_options(found, job, {}))


def test_two_steps_before_are_both_waited_for() -> None:
    steps = [before(c, f"{job}_{c}") for job in (7, 8) for c in range(19, 23)]
    assert waits(following.follow(plan(), steps))["chr20"] == ["7_20", "8_20"]


def test_what_has_no_step_before_that_can_complete_is_left_out_with_the_reason() -> None:
    steps = [before(19, "7_19", Outcome.OOM), before(20, None), before(21, "7_21")]
    found = following.follow(plan(), steps)
    assert waits(found) == {"chr21": ["7_21"]}
    assert {one.task: one.reason for one in found.left_out} == {
        "chr19": "phase: chr19 ended as oom; 'chromplan next' there first",
        "chr20": "phase: chr20 is not submitted yet",
        "chr22": "no earlier step has chr22",
    }
    assert found.total_request_mb == found.tasks[0].request_mb


def test_a_step_for_another_sample_is_not_waited_for() -> None:
    steps = [before(c, f"7_{c}", sample="a") for c in range(19, 23)]
    assert following.follow(plan(), steps).tasks  # a cohort waits for every sample
    tasks = [task.model_copy(update={"sample": "b"}) for task in plan().tasks]
    found = following.follow(plan().model_copy(update={"tasks": tasks}), steps)
    assert found.tasks == []


PARTS = """
[[wrap.elements]]
index = 1
start = 1
end = 5000000
chromosome = "20"
task = "chr20_1-5000000"
[[wrap.elements]]
index = 2
start = 5000001
end = 9000000
chromosome = "20"
task = "chr20_5000001-9000000"
"""


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ({"20:1-5000000": "7_1", "20:5000001-9000000": "7_2"}, [["7_1"], ["7_2"]]),
        ({"20": "7_20"}, [["7_20"], ["7_20"]]),
        ({"20:1-6000000": "7_1", "20:6000001-9000000": "7_2"}, [["7_1", "7_2"], ["7_1", "7_2"]]),
    ],
)
def test_a_part_waits_for_the_same_part_or_else_for_all_of_its_chromosome(
    steps: dict[str, str], expected: list[list[str]]
) -> None:
    of = plans.config(ONE.replace(ELEMENTS, PARTS).replace("19-22", "1-2"), memory={"formula": "10 * length_mb"})
    earlier = [
        Preceding(project="phase", task=name, sample="", chromosome="20", outcome=None, job_id=job_id, region=name)
        for name, job_id in steps.items()
    ]
    planned = plans.plan(of)
    assert [task.features for task in sorted(planned.tasks, key=lambda one: one.element)] == [
        {"length_mb": 5.0},
        {"length_mb": 4.0},
    ]
    found = waits(following.follow(planned, earlier))
    assert [found["chr20_1-5000000"], found["chr20_5000001-9000000"]] == expected


def test_tasks_that_slurm_cancelled_before_they_started_may_wait_again() -> None:
    earlier = {
        name: Earlier(round=1, attempts=1, outcome=outcome, request_mb=1, time_limit_s=1)
        for name, outcome in (("a", Outcome.CANCELLED), ("b", Outcome.CANCELLED), ("c", Outcome.FAILED))
    }
    found = [
        status("a", "7_1", Outcome.CANCELLED, evidence="job CANCELLED 0:0"),
        status("b", "7_2", Outcome.CANCELLED, evidence="job CANCELLED by 1000 0:0"),
        status("c", "7_3", Outcome.FAILED),
    ]
    assert sorted(chain.unblocked(earlier, found)) == ["b", "c"]


def test_where_the_index_alone_tells_names_need_not_agree() -> None:
    # the step before names its tasks after lines of a list, this one after chromosomes
    steps = [
        Preceding(
            project="phase", task=f"S{c}", sample=f"S{c}", chromosome="", outcome=None, job_id=f"7_{c}", element=c
        )
        for c in range(19, 23)
    ]
    found = following.follow(plan(), steps)
    assert waits(found) == {f"chr{c}": [f"7_{c}"] for c in range(19, 23)}
    assert found.mode is Mode.ARRAY
