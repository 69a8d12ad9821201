"""Memory sizes and durations, as real accounting databases print it."""

import contextlib
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.units import (
    format_duration,
    format_limit,
    format_mem,
    parse_duration_s,
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


def test_an_unset_size_in_another_unit_is_missing_too() -> None:
    assert parse_mem_mb("18446744073709551614M") is None
    assert parse_mem_mb("18014398509481984K") is None
