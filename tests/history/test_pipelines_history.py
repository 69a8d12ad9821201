"""Histories that pipelines leave: Nextflow traces, Snakemake benchmarks, tables of any kind."""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.errors import InputError
from planner.core.records import Observation, Outcome, Quality
from planner.history import reading
from planner.history.labels import Labels, add_length, chromosome_in, collected
from planner.history.readers import ReadOptions, nextflow, reader_for, snakemake
from planner.history.readers.nextflow import parse_size_mb, parse_span_s
from planner.history.readers.snakemake import path_pattern
from planner.history.readers.tables import read_table
from planner.history.reading import Columns, HistoryRead
from planner.history.source import TextSource

FIXTURES = Path(__file__).parent / "fixtures"
EXAMPLES = Path(__file__).parents[2] / "examples" / "data"
RAW = (FIXTURES / "nextflow_raw.tsv").read_text()


def read_trace(text: str, *, tool: str | None = None, source: str = "trace", **labels: object) -> HistoryRead:
    options = ReadOptions(labels=Labels(tool=tool, **labels))  # type: ignore[arg-type]
    return collected(nextflow.read(TextSource(name=source, content=text), options))


def read_benchmark(
    text: str, *, path: str, pattern: re.Pattern[str] | None = None, tool: str | None = None
) -> HistoryRead:
    options = ReadOptions(labels=Labels(tool=tool), path_pattern=pattern)
    return collected(snakemake.read(TextSource(name=path, content=text), options))


def guess_format(text: str) -> str:
    return reader_for(TextSource(name="file", content=text)).NAME


@pytest.mark.parametrize(
    ("text", "mb"),
    [
        ("274485248", 261.7695),
        ("1.2 GB", 1228.8),
        ("354 MB", 354),
        ("2 KB", 2 / 1024),
        ("0", 0),
        ("-", None),
        ("", None),
    ],
)
def test_nextflow_sizes_are_bytes_or_binary_units(text: str, mb: float | None) -> None:
    assert parse_size_mb(text) == (None if mb is None else pytest.approx(mb, rel=1e-4))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12291", 12.291), ("5s", 5), ("3m 4s", 184), ("1h 2m 3s", 3723), ("1d 2h", 93600), ("250ms", 0.25), ("-", None)],
)
def test_nextflow_durations_are_milliseconds_or_spans(text: str, seconds: float | None) -> None:
    assert parse_span_s(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize("text", ["a lot", "1.2 XB", "3 4"])
def test_what_nextflow_would_not_print_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a memory size"):
        parse_size_mb(text)
    with pytest.raises(ValueError, match="not a duration"):
        parse_span_s(text)


def test_a_raw_trace_gives_every_number_of_a_task() -> None:
    seen = read_trace(RAW).observations[0]
    assert (seen.tool, seen.task, seen.sample, seen.chromosome) == ("BEAGLE", "BEAGLE (s1_chr21)", "s1_chr21", "21")
    assert (seen.outcome, seen.quality, seen.source) == (Outcome.COMPLETED, Quality.SAMPLED, "nextflow")
    assert seen.peak_mb == pytest.approx(274485248 / 1024**2)
    assert (seen.limit_mb, seen.cpus, seen.wall_s) == (4096, 2, 12.291)
    assert (seen.submit_s, seen.start_s, seen.end_s) == (1719302359, 1719302573, 1719302586)


def test_a_trace_s_outcomes_are_told_apart() -> None:
    read = read_trace(RAW)
    assert [str(one.outcome) for one in read.observations] == [
        "completed", "oom", "completed", "failed", "cancelled", "completed", "failed",
    ]  # fmt: skip
    assert [(one.line, one.reason.partition(":")[0]) for one in read.skipped] == [
        (5, "cached"),
        (8, "status 'RUNNING'"),
    ]


def test_a_kill_without_a_peak_or_near_the_limit_is_a_suspected_oom() -> None:
    oom = read_trace(RAW).observations[1]
    assert (oom.quality, oom.peak_mb, oom.chromosome) == (Quality.CENSORED, 1024, "X")
    assert "suspected" in oom.evidence
    assert read_trace(RAW).observations[6].outcome is Outcome.FAILED  # killed at a tenth of its limit


def test_the_peak_of_a_task_that_was_over_before_it_was_sampled_is_missing() -> None:
    short = read_trace(RAW).observations[5]
    assert (short.quality, short.peak_mb, short.wall_s) == (Quality.MISSING, None, 0.9)
    assert "not trusted" in short.evidence


def test_a_default_trace_is_read_too() -> None:
    first, second = read_trace((FIXTURES / "nextflow_default.txt").read_text()).observations
    assert (first.tool, first.chromosome, first.peak_mb, first.wall_s) == ("blast", "7", 29.8, 5)
    assert (second.chromosome, second.peak_mb, second.wall_s, second.limit_mb) == ("8", 1228.8, 184.5, None)


@pytest.mark.parametrize("delimiter", [",", ";", "|", "||", "@@", "\N{SNOWMAN}"])
def test_a_trace_may_have_any_delimiter(delimiter: str) -> None:
    """Nextflow's trace.sep."""
    text = RAW.replace(",", " ").replace("\t", delimiter)
    assert guess_format(text) == "nextflow"
    assert [one.peak_mb for one in read_trace(text).observations] == [
        one.peak_mb for one in read_trace(RAW).observations
    ]


@pytest.mark.parametrize("name", ["beagle", "PIPE:IMPUTE:BEAGLE"])
def test_one_process_can_be_taken_from_a_trace(name: str) -> None:
    assert {one.tool for one in read_trace(RAW, tool=name).observations} == {"BEAGLE"}


def test_a_process_that_is_not_there_is_named_with_those_that_are() -> None:
    with pytest.raises(InputError) as caught:
        read_trace(RAW, tool="plink", source="trace.txt")
    assert caught.value.hint == "its processes: BEAGLE, INDEX"


def test_a_malformed_cell_of_a_trace_is_skipped_with_the_reason() -> None:
    read = read_trace(RAW.replace("274485248", "plenty", 1))
    assert (read.skipped[0].line, read.skipped[0].reason) == (2, "not a memory size: 'plenty'")


def test_a_trace_with_many_columns_and_commas_is_read_whole() -> None:
    """Names with colons, an exit code per failure, one resource per column: as pipelines of many processes leave it."""
    read = read_trace((FIXTURES / "nextflow_wide.csv").read_text())
    outcomes = [one.outcome for one in read.observations]
    assert (outcomes.count(Outcome.COMPLETED), outcomes.count(Outcome.FAILED), read.skipped) == (5, 2, ())
    assert len({one.job_id for one in read.observations}) == 7
    assert {one.tool for one in read.observations} == {"TRIM", "CALL"}


BENCHMARK = (
    "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    "63.7104\t0:01:03\t812.52\t3900.10\t800.1\t805.2\t1.20\t3.40\t98.1\t62.3\n"
    "64.0021\t0:01:04\t815.01\t3900.10\t800.1\t805.2\t1.20\t3.40\t98.1\t62.3\n"
)


def test_a_benchmark_file_is_one_observation_per_repeat() -> None:
    read = read_benchmark(BENCHMARK, path="benchmarks/impute/s1.chr7.tsv")
    assert [(one.peak_mb, one.wall_s) for one in read.observations] == [(812.52, 63.7104), (815.01, 64.0021)]
    assert {(one.tool, one.task, one.chromosome, one.quality) for one in read.observations} == {
        ("impute", "impute.s1.chr7", "7", Quality.SAMPLED)
    }
    assert len({one.job_id for one in read.observations}) == 2


def test_a_path_pattern_tells_rule_sample_and_chromosome() -> None:
    pattern = path_pattern("bench/{rule}/{sample}_{chromosome,[0-9X]+}.txt")
    (seen, _) = read_benchmark(BENCHMARK, path="/home/ana/bench/phase/NA1_x_22.txt", pattern=pattern).observations
    assert (seen.tool, seen.sample, seen.chromosome) == ("phase", "NA1_x", "22")
    (named, _) = read_benchmark(BENCHMARK, path="bench/phase/a_X.txt", pattern=pattern, tool="shapeit").observations
    assert (named.tool, named.chromosome) == ("shapeit", "X")


def test_a_path_that_does_not_match_is_refused() -> None:
    with pytest.raises(InputError, match="does not match"):
        read_benchmark(BENCHMARK, path="other.tsv", pattern=path_pattern("bench/{rule}/{sample}.tsv"))


def test_a_constraint_that_is_no_regular_expression_is_refused() -> None:
    with pytest.raises(InputError, match="path pattern"):
        path_pattern("{sample,[}.tsv")


@pytest.mark.parametrize("pattern", ["bench/a.tsv", "{sample}/{sample}.tsv"])
def test_a_path_pattern_needs_each_wildcard_once(pattern: str) -> None:
    with pytest.raises(InputError, match="wildcards"):
        path_pattern(pattern)


def test_the_extended_format_brings_its_own_rule_and_wildcards() -> None:
    text = (
        "s\tmax_rss\trule_name\twildcards\tthreads\n"
        '10.5\t99.5\timpute\t"{""sample"": ""NA1"", ""chromosome"": ""3""}"\t4\n'
        "10.5\tNA\timpute\t{broken\t4\n"
    )
    first, second = read_benchmark(text, path="b/x.tsv").observations
    assert (first.tool, first.sample, first.chromosome, first.cpus) == ("impute", "NA1", "3", 4)
    assert (second.quality, second.peak_mb, second.sample) == (Quality.MISSING, None, "")


@pytest.mark.parametrize("cell", ["much", "-1", "inf"])
def test_a_malformed_number_of_a_benchmark_is_skipped(cell: str) -> None:
    read = read_benchmark(BENCHMARK.replace("812.52", cell), path="b/x.tsv")
    assert [one.line for one in read.skipped] == [2]
    assert len(read.observations) == 1


RUNS = """tool,sample,chrom,peak_mb,wall_s,limit_mb,variants,oom,exit_code
beagle,s1,1,812.5,63,1000,5000,0,0
beagle,s1,chr2,1.2G,00:02:00,2G,6000,0,0
beagle,s1,X,,7,1000,100,1,1
plink2,s2,3,90,5,,50,0,3
plink2,s2,4,-,,,60,0,0
"""


def test_a_table_with_the_usual_names_needs_no_options() -> None:
    read = read_table(RUNS)
    assert [(one.tool, one.task, one.chromosome) for one in read.observations] == [
        ("beagle", "s1.chr1", "1"),
        ("beagle", "s1.chr2", "2"),
        ("beagle", "s1.chrX", "X"),
        ("plink2", "s2.chr3", "3"),
        ("plink2", "s2.chr4", "4"),
    ]
    assert [
        (str(one.outcome), str(one.quality), one.peak_mb, one.limit_mb, one.wall_s) for one in read.observations
    ] == [
        ("completed", "measured", 812.5, 1000, 63),
        ("completed", "measured", 1228.8, 2048, 120),
        ("oom", "censored", 1000, 1000, 7),
        ("failed", "measured", 90, None, 5),
        ("completed", "missing", None, None, None),
    ]


def test_columns_and_features_can_be_named() -> None:
    text = "kind\tmem\tn\tsecs\na\t1e3\t7\t1.5\n"
    columns = Columns(peak="mem", wall="secs", task="kind", features={"variants": "n"})
    (seen,) = read_table(text, columns=columns, tool="t", quality=Quality.SAMPLED).observations
    assert (seen.task, seen.peak_mb, seen.wall_s, seen.features, seen.quality) == (
        "a",
        1000.0,
        1.5,
        {"variants": 7.0},
        Quality.SAMPLED,
    )


def test_the_outcome_column_says_how_a_run_ended() -> None:
    text = "peak_mb,outcome,timed_out\n5,timeout,0\n5,,1\n5,exploded,0\n"
    read = read_table(text, tool="t")
    assert [one.outcome for one in read.observations] == [Outcome.TIMEOUT, Outcome.TIMEOUT]
    assert "exploded" in read.skipped[0].reason


def test_the_same_row_twice_is_two_runs_and_the_same_file_twice_is_one() -> None:
    text = "peak_mb,wall_s\n5,1\n5,1\n"
    once, again = read_table(text, tool="t"), read_table(text, tool="other")
    assert len({one.job_id for one in once.observations}) == 2
    assert [one.job_id for one in once.observations] == [one.job_id for one in again.observations]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tool": "t", "columns": Columns(peak="nope")}, r"no column 'nope' \(peak\)"),
        ({"tool": "t", "columns": Columns(features={"v": "w"})}, r"no column 'w' \(v\)"),
        ({}, "the tool is not known"),
    ],
)
def test_what_a_table_lacks_is_named_with_what_it_has(options: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_table("a,peak_mb\n1,2\n", source="runs.csv", **options)  # type: ignore[arg-type]


def test_a_table_without_a_peak_is_refused() -> None:
    with pytest.raises(InputError, match="no column holds the peak"):
        read_table("a,b\n1,2\n", tool="t")


@pytest.mark.parametrize(("cell", "reason"), [("inf", "finite"), ("many", "not a number"), ("", "not a number")])
def test_a_malformed_feature_skips_its_row(cell: str, reason: str) -> None:
    read = read_table(f"peak_mb,n\n5,{cell}\n6,2\n", tool="t", columns=Columns(features={"n": "n"}))
    assert reason in read.skipped[0].reason
    assert [one.peak_mb for one in read.observations] == [6]


def test_an_empty_tool_skips_its_row() -> None:
    assert read_table("tool,peak_mb\n,5\nx,6\n").skipped[0].reason == "the tool is empty"


def test_rows_that_are_not_whole_are_named_and_a_cut_file_is_refused() -> None:
    read = read_table("peak_mb,wall_s\n5\n6,1\n", tool="t")
    assert (read.skipped[0].line, read.skipped[0].reason) == (2, "1 columns where 2 belong")
    with pytest.raises(InputError, match=r"runs\.csv, line 3: the last row is cut"):
        read_table("peak_mb,wall_s\n6,1\n5", tool="t", source="runs.csv")
    with pytest.raises(InputError, match="no rows"):
        read_table("", tool="t")


def test_the_bundled_runs_of_beagle_are_a_history() -> None:
    text = (EXAMPLES / "beagle_chr22.csv").read_text()
    read = read_table(text, tool="beagle", columns=Columns(features={"window_cm": "window_cm"}))
    assert (len(read.observations), read.skipped) == (66, ())
    assert {one.chromosome for one in read.observations} == {str(number) for number in range(1, 23)}
    assert {one.features["window_cm"] for one in read.observations} == {4.0, 40.0}


@settings(deadline=None, max_examples=150)
@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(["peak_mb", ",", "\n", "\t", "5", "inf", '"', "-", "1G"])).map("".join)
)
def test_no_text_makes_a_reader_crash(text: str) -> None:
    readers: tuple[Callable[[], HistoryRead], ...] = (
        lambda: read_table(text, tool="t"),
        lambda: read_trace(text),
        lambda: read_benchmark(text, path="a/b.tsv"),
    )
    with suppress(InputError):
        guess_format(text)
    for read in readers:
        try:
            found = read()
        except InputError:
            continue
        assert all(isinstance(one, Observation) for one in found.observations)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("beagle.chr7.r1", "7"),
        ("s1_chrX", "X"),
        ("chrM", "MT"),
        ("chromosome-22", "22"),
        ("CHR07", "7"),
        ("chr1_random_chr2", "1"),
        ("chronic", ""),
        ("xchr7", ""),
        ("chr123", ""),
        ("sample7", ""),
    ],
)
def test_chromosomes_are_found_in_names(text: str, name: str) -> None:
    assert chromosome_in("", text) == name


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("JobID|State\n5|COMPLETED\n", "sacct"),
        ('{"jobs": []}', "sacct"),
        ("5\x1fCOMPLETED\n", "sacct"),
        ("       JobID      State\n------------ ----------\n", "sacct"),
        (RAW, "nextflow"),
        (BENCHMARK, "snakemake"),
        (RUNS, "table"),
    ],
)
def test_the_format_of_a_file_is_found_out(text: str, kind: str) -> None:
    assert guess_format(text) == kind


def test_a_file_that_cannot_be_read_is_the_user_s_matter(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        reading.load_text(tmp_path / "nope")
    with pytest.raises(InputError, match="a folder, where a file is needed"):
        reading.load_text(tmp_path)
    odd = tmp_path / "odd"
    odd.write_bytes(b"\xef\xbb\xbfna\xefme")
    assert reading.load_text(odd) == "na\ufffdme"


def test_lengths_are_added_where_the_chromosome_is_known() -> None:
    read = read_table("peak_mb,chrom\n5,1\n5,scaffold_9\n", tool="t")
    known, unknown = add_length(read, {"1": 248956422}).observations
    assert (known.features, unknown.features) == ({"length_mb": 248.956422}, {})
    given_ = replace(read, observations=(replace(known, features={"length_mb": 1.0}),))
    assert add_length(given_, {"1": 248956422}).observations[0].features == {"length_mb": 1.0}
