"""Every bit of memory x time that was reserved is in exactly one sum."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from past_arrays import Job, arrays, killed

from planner.advice import use


def test_what_a_completed_job_did_not_use_was_idle() -> None:
    (array,) = arrays(Job(id="7_1", peak_mb=2000, limit_mb=8000, wall_s=100))
    found = use.memory(array.attempts)
    assert (found.used, found.idle, found.reserved, found.wasted) == (200_000, 600_000, 800_000, 600_000)


def test_what_a_killed_job_had_is_lost_whole() -> None:
    (array,) = arrays(killed(Job(id="7_1", limit_mb=8000, wall_s=200)))
    found = use.memory(array.attempts)
    assert (found.killed, found.wasted) == (800_000, 800_000)
    assert use.cores(array.attempts).killed == 200


@pytest.mark.parametrize("state", ["FAILED", "TIMEOUT", "CANCELLED by 1001", "NODE_FAIL"])
def test_what_ended_otherwise_is_no_waste_of_memory(state: str) -> None:
    (array,) = arrays(Job(id="7_1", state=state, exit_code="1:0", limit_mb=8000, wall_s=100))
    found = use.memory(array.attempts)
    assert (found.otherwise, found.wasted) == (800_000, 0)


def test_what_runs_yet_or_was_not_sampled_is_not_judged() -> None:
    (array,) = arrays(Job(id="7_1", state="RUNNING"), Job(id="7_2", peak_mb=None), Job(id="7_3", wall_s=5))
    found = use.memory(array.attempts)
    assert found.unknown == found.reserved > 0


def test_core_hours_are_those_of_the_processes() -> None:
    (array,) = arrays(Job(id="7_1", cpus=2, cpu="00:25:00", wall_s=1000))
    found = use.cores(array.attempts)
    assert (found.used, found.idle) == (1500, 500)


STATES = ("COMPLETED", "OUT_OF_MEMORY", "FAILED", "TIMEOUT", "RUNNING", "CANCELLED")
JOBS = st.lists(
    st.builds(
        Job,
        id=st.integers(1, 9).map(lambda index: f"7_{index}"),
        state=st.sampled_from(STATES),
        peak_mb=st.none() | st.floats(1, 20_000),
        limit_mb=st.integers(1, 20_000),
        wall_s=st.integers(0, 100_000),
        cpus=st.integers(1, 64),
    ),
    min_size=1,
    max_size=9,
    unique_by=lambda job: job.id,
)


@given(JOBS)
def test_the_sums_are_what_was_reserved(jobs: list[Job]) -> None:
    attempts = [attempt for array in arrays(*jobs) for attempt in array.attempts]
    memory, cores = use.memory(attempts), use.cores(attempts)
    assert memory.reserved == pytest.approx(sum(job.limit_mb * job.wall_s for job in jobs))
    assert cores.reserved == pytest.approx(sum(job.cpus * job.wall_s for job in jobs))
    for found in (memory, cores):
        assert min(found.used, found.idle, found.killed, found.otherwise, found.unknown) >= 0


def test_what_was_billed_is_what_slurm_counted_as_long_as_the_job_ran() -> None:
    (array,) = arrays(Job(id="7_1", wall_s=100, billing=5), Job(id="7_2", wall_s=50, billing=2))
    assert use.billed_unit_s(array.attempts) == 600
    (waiting,) = arrays(Job(id="7_1", wall_s=0, state="CANCELLED"))
    assert use.billed_unit_s(waiting.attempts) is None


def test_without_billing_units_of_one_that_ran_nothing_is_said_of_them() -> None:
    (array,) = arrays(Job(id="7_1"), Job(id="7_2"))
    lacking = [replace(one, billing=None) for one in array.attempts[:1]]
    assert use.billed_unit_s([*lacking, *array.attempts[1:]]) is None


def test_where_a_unit_is_a_core_there_is_no_price_of_its_own() -> None:
    (array,) = arrays(Job(id="7_1", wall_s=100), Job(id="7_2", wall_s=50, cpu="00:00:07"))
    assert use.own_price_s(array.attempts) is None
    (priced,) = arrays(Job(id="7_1", wall_s=100, billing=5))
    assert use.own_price_s(priced.attempts) == 500
