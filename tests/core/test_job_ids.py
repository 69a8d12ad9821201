"""Job ids, as real accounting databases print them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.job_ids import JobId, parse_job_id

many = settings(deadline=None, max_examples=200)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("12", JobId(job=12)),
        ("12_3", JobId(job=12, index=3)),
        ("12_0", JobId(job=12, index=0)),
        ("12_[1-4%2]", JobId(job=12, pending=(1, 2, 3, 4), throttle=2)),
        ("12_[2,4-12:2%3]", JobId(job=12, pending=(2, 4, 6, 8, 10, 12), throttle=3)),
        ("20_[2-3,5-6,22%56]", JobId(job=20, pending=(2, 3, 5, 6, 22), throttle=56)),
        ("12+1", JobId(job=12, het_offset=1)),
        ("12.batch", JobId(job=12, step="batch")),
        ("12_3.extern", JobId(job=12, index=3, step="extern")),
        ("12.ext+", JobId(job=12, step="extern")),
        ("12.bat+", JobId(job=12, step="batch")),
        ("12+1.0", JobId(job=12, het_offset=1, step="0")),
        ("12.0+1", JobId(job=12, step="0+1")),
    ],
)
def test_job_ids_are_read(text: str, expected: JobId) -> None:
    assert parse_job_id(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "x", "12_", "12_97+", "12_[]", "12_[4-1]", "12_[1-4", "12_[1,...]", "12.", "12.x+", "12_[1-9999999]",
     "12_[1-4:0]", "12_[1-4%x]", "[JOBID].0", "12_3_4", "١٢"],
)  # fmt: skip
def test_malformed_or_cut_job_ids_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"job id|index range|step|cut off|throttle"):
        parse_job_id(text)


def test_a_pending_array_is_one_id_per_element() -> None:
    assert [str(one) for one in parse_job_id("38_[7-9%3]").elements()] == ["38_7", "38_8", "38_9"]
    assert parse_job_id("38_7").elements() == [JobId(job=38, index=7)]


def test_the_base_of_a_step_is_its_job() -> None:
    assert str(parse_job_id("12_3.batch").base) == "12_3"


job_ids = st.builds(
    lambda job, kind, number, pending, throttle, step: JobId(
        job=job,
        index=number if kind == "index" else None,
        pending=tuple(sorted(pending)) if kind == "pending" else (),
        throttle=throttle if kind == "pending" else None,
        het_offset=number if kind == "het" else None,
        step=step,
    ),
    st.integers(0, 2**31),
    st.sampled_from(["job", "index", "pending", "het"]),
    st.integers(0, 4_000_000),
    st.sets(st.integers(0, 1000), min_size=1, max_size=30),
    st.none() | st.integers(0, 100),
    st.none() | st.sampled_from(["batch", "extern", "interactive", "0", "17", "2+1"]),
)


@many
@given(job_ids)
def test_job_ids_come_back_as_they_were_written(job_id: JobId) -> None:
    assert parse_job_id(str(job_id)) == job_id
