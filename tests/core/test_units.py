"""Slurm's grammar, as real accounting databases print it."""

import contextlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.units import (
    JobId,
    expand_nodes,
    format_duration,
    format_limit,
    format_mem,
    parse_duration_s,
    parse_job_id,
    parse_mem_mb,
    parse_request_mb,
    whole_mib,
)

many = settings(deadline=None, max_examples=200)


@pytest.mark.parametrize(
    ("text", "mem_mb"),
    [
        ("312.50G", 320000.0),
        ("4000M", 4000.0),
        ("2048K", 2.0),
        ("9K", 9 / 1024),
        ("1T", 1024.0**2),
        ("2P", 2 * 1024.0**3),
        ("128", 128.0),
        ("0", 0.0),
        ("1g", 1024.0),
        ("16GB", 16384.0),
        ("512kb", 0.5),
        (" 8G ", 8192.0),
    ],
)
def test_memory_is_read_in_mib(text: str, mem_mb: float) -> None:
    assert parse_mem_mb(text) == pytest.approx(mem_mb)


@pytest.mark.parametrize("text", ["", "  ", "16?", "16?n", "?", "Unknown", "None", "N/A"])
def test_missing_memory_is_none_and_never_zero(text: str) -> None:
    assert parse_mem_mb(text) is None


def test_a_c_suffix_is_per_cpu_and_an_n_suffix_per_node() -> None:
    assert parse_mem_mb("4000Mc", cpus=4, nodes=2) == 16000
    assert parse_mem_mb("1Gn", cpus=4, nodes=2) == 2048
    assert parse_mem_mb("1Gn") == 1024


def test_a_bare_number_has_the_unit_the_caller_names() -> None:
    assert parse_mem_mb("99295232", default_unit="B") == pytest.approx(94.695, abs=1e-3)


@pytest.mark.parametrize("text", ["-1G", "1.5.G", "G", "12X", "1 G", "1Gnc", "1e3M", "nan", "٣M"])
def test_malformed_memory_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="memory"):
        parse_mem_mb(text)


# what 'sbatch --mem' answered on a real cluster, 22.05: the size that squeue --noconvert then shows
SBATCH_TAKES = {
    "100": 100,
    "1GB": 1024,
    "1gb": 1024,
    "1Gb": 1024,
    "16g": 16384,
    "512MB": 512,
    "1T": 1048576,
    "1tB": 1048576,
    "1024KB": 1,
    "1024k": 1,
    "1025k": 2,
    "1K": 1,
    "0K": 0,
    "0": 0,
    "007": 7,
    "+5": 5,
    " 100": 100,
}
SBATCH_REFUSES = (
    *("1B", "10B", "1P", "100 ", "1 G", "0x10", "1e3", "1.5G", ".5G", "1Gig", "1GBB", "1GiB", "", "-5", "²", "٣"),
    *("99999999999999999999", "1Mn", "1Gc", "1,000", "1_0", "1G\n"),
)


@pytest.mark.parametrize(("text", "mem_mb"), SBATCH_TAKES.items())
def test_a_size_asked_for_is_read_as_sbatch_reads_it(text: str, mem_mb: int) -> None:
    assert parse_request_mb(text) == mem_mb


@pytest.mark.parametrize("text", SBATCH_REFUSES)
def test_a_size_that_sbatch_refuses_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a memory size"):
        parse_request_mb(text)


def test_a_fraction_is_told_how_to_be_written() -> None:
    with pytest.raises(ValueError, match=r"'1\.5G' \(write 1536M\)"):
        parse_request_mb("1.5G")


@many
@given(st.integers(0, 10**6), st.sampled_from("kKmMgGtT"), st.sampled_from(["", "b", "B"]))
def test_a_unit_means_the_same_in_any_case_with_or_without_a_b(number: int, unit: str, byte: str) -> None:
    size_mb = parse_request_mb(f"{number}{unit}{byte}")
    assert size_mb == math.ceil(number * 1024.0 ** " kmgt".index(unit.lower()) / 1024**2)
    # what Slurm prints of it is the same size, but for the kilobytes that a request is rounded up by
    printed_mb = parse_mem_mb(f"{number}{unit}{byte}")
    assert printed_mb is not None
    assert size_mb - 1 < printed_mb <= size_mb


@many
@given(st.text(max_size=6))
def test_no_other_text_is_more_than_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert parse_request_mb(text) >= 0


@pytest.mark.parametrize("value", [16384, "16G", "16gb", "16384M"])
def test_a_field_of_a_document_takes_mib_or_a_size(value: object) -> None:
    assert whole_mib(value) == 16384


@pytest.mark.parametrize("value", [1.5, True, None, "1.5G"])
def test_a_field_of_a_document_takes_nothing_else(value: object) -> None:
    with pytest.raises(ValueError, match="memory"):
        whole_mib(value)


@many
@given(st.integers(0, 10**9))
def test_memory_comes_back_as_it_was_written(mem_mb: int) -> None:
    assert parse_mem_mb(format_mem(mem_mb)) == mem_mb


def test_negative_memory_is_not_written() -> None:
    with pytest.raises(ValueError, match="negative"):
        format_mem(-1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 5400),
        ("06:57.815", 417.815),
        ("00:05", 5),
        ("02:14:11", 8051),
        ("60:00:00", 216000),
        ("1-02", 93600),
        ("1-02:03", 93780),
        ("1-02:03:04", 93784),
        ("451-06:00:24", 451 * 86400 + 6 * 3600 + 24),
        ("00:00:00", 0),
        ("UNLIMITED", math.inf),
        ("INFINITE", math.inf),
    ],
)
def test_durations_are_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration_s(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "Unknown", "None", "INVALID", "Partition_Limit", "NOT_SET"])
def test_a_duration_that_is_a_word_for_nothing_is_none(text: str) -> None:
    assert parse_duration_s(text) is None


@pytest.mark.parametrize("text", ["soon", "1:2:3:4", "-5", "1-", "1.5", "1-02.5", "5:", "1--2"])
def test_malformed_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration_s(text)


@many
@given(st.integers(0, 10**9))
def test_durations_come_back_as_they_were_written(seconds: int) -> None:
    assert parse_duration_s(format_duration(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "00:00:00"), (59.6, "00:01:00"), (86399, "23:59:59"), (93784, "1-02:03:04"), (math.inf, "UNLIMITED")],
)
def test_durations_are_written_as_slurm_writes_them(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(60, "1:00"), (61, "2:00"), (3599, "1:00:00"), (9000, "2:30:00"), (86400, "1-00:00:00"), (999_999, "11-13:47:00")],
)
def test_time_limits_are_written_as_squeue_writes_them(seconds: float, text: str) -> None:
    assert format_limit(seconds) == text
    assert parse_duration_s(text) == 60 * math.ceil(seconds / 60)


@pytest.mark.parametrize("seconds", [-1, math.nan])
def test_what_is_no_duration_is_not_written(seconds: float) -> None:
    with pytest.raises(ValueError, match="duration"):
        format_duration(seconds)


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


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("n[1-3,07-10],login1", ["n1", "n2", "n3", "n07", "n08", "n09", "n10", "login1"]),
        ("n1", ["n1"]),
        ("r[1-2]n[1-2]", ["r1n1", "r1n2", "r2n1", "r2n2"]),
        ("c[098-101]-ib", ["c098-ib", "c099-ib", "c100-ib", "c101-ib"]),
        ("", []),
        ("None assigned", []),
    ],
)
def test_node_lists_are_expanded(text: str, names: list[str]) -> None:
    assert expand_nodes(text) == names


@pytest.mark.parametrize(
    "text", ["n[1-", "n[3-1]", "n[a-b]", "n[1[2]]", "a,,b", "n[]", "n1]", "n[1-99999999]", "a b", "n[1-2000]m[1-2000]"]
)
def test_malformed_node_lists_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="node"):
        expand_nodes(text)


def test_a_node_list_beyond_reason_is_refused() -> None:
    with pytest.raises(ValueError, match="more than"):
        expand_nodes(",".join(f"{prefix}[1-90000]" for prefix in "abc"))


def test_an_unset_size_in_another_unit_is_missing_too() -> None:
    assert parse_mem_mb("18446744073709551614M") is None
    assert parse_mem_mb("18014398509481984K") is None
