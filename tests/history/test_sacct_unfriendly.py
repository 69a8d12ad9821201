"""sacct's text as people hand it on: sorted, cut, pasted, with columns left out. Nothing wrong is recorded from it."""

import gzip
from collections import Counter
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.errors import InputError
from planner.core.records import Outcome
from planner.history.labels import Labels, collected, name_pattern
from planner.history.readers import ReadOptions, reader_for
from planner.history.sacct.labels import label
from planner.history.sacct.read import DELIMITER, FIELDS, JobAttempt, SacctRead, read, read_text
from planner.history.source import TextSource

OWN = (Path(__file__).parent / "fixtures" / "own_22.05.txt").read_text()
# job 6 has a delimiter and a line break in its name
RECORDS = [
    dict(zip(FIELDS, line.split(DELIMITER), strict=True))
    for line in OWN.splitlines()
    if line.count(DELIMITER) == len(FIELDS) - 1 and not line.startswith("6")
]
often = settings(deadline=None, max_examples=40)


def printed(
    records: list[dict[str, str]], *, columns: tuple[str, ...] = FIELDS, delimiter: str = "|", end: str = "\n"
) -> str:
    rows = [list(columns), *([record[name] for name in columns] for record in records)]
    return "".join(delimiter.join(row) + end for row in rows)


def fixed(records: list[dict[str, str]], columns: tuple[str, ...], width: int = 12) -> str:
    """Return sacct's default table: what is too long ends with a plus, the JobID stands on the left."""

    def cell(name: str, text: str) -> str:
        text = text if len(text) <= width else f"{text[: width - 1]}+"
        return text.ljust(width) if name == "JobID" else text.rjust(width)

    rows = [columns, ["-" * width] * len(columns), *([record[name] for name in columns] for record in records)]
    return "".join(" ".join(cell(name, text) for name, text in zip(columns, row, strict=True)) + " \n" for row in rows)


def from_file(text: str) -> SacctRead:
    return read(TextSource(name="jobs.txt", content=text), poll_s=1)


def facts(found: SacctRead) -> dict[tuple[str, int], dict[str, Any]]:
    return {(one.job_id, one.submit_s): _facts(one) for one in found.attempts}


def _facts(attempt: JobAttempt) -> dict[str, Any]:
    return asdict(replace(attempt, steps=tuple(sorted(attempt.steps, key=lambda step: step.id))))


INTACT = facts(read_text(printed(RECORDS), poll_s=1))


def test_the_sample_holds_every_kind_of_job() -> None:
    outcomes = {one["outcome"] for one in INTACT.values()}
    assert {Outcome.COMPLETED, Outcome.OOM, Outcome.TIMEOUT, Outcome.CANCELLED, Outcome.FAILED} <= outcomes
    assert len(INTACT) == 21


@often
@given(st.randoms(use_true_random=False))
def test_rows_mean_the_same_in_any_order(random: Random) -> None:
    records = RECORDS.copy()
    random.shuffle(records)
    assert facts(read_text(printed(records), poll_s=1)) == INTACT


def test_a_step_before_its_job_s_row_counts() -> None:
    text = (
        "JobID|JobName|State|ReqMem|MaxRSS|Elapsed\n81.0|beagle|COMPLETED||6000M|02:00:00\n"
        "81|imp.chr1|COMPLETED|8G||02:00:00\n81.batch|batch|COMPLETED||4M|02:00:00\n"
    )
    (attempt,) = read_text(text).attempts
    assert (attempt.peak_mb, attempt.limit_mb, attempt.name) == (6000, 8192, "imp.chr1")


marks = st.text("|^~;,!@#☃§/=:*¦\t&%$ ", min_size=1, max_size=4).filter(lambda mark: mark.strip(" "))


@often
@given(marks, st.booleans(), st.permutations(FIELDS))
def test_any_delimiter_is_detected_and_what_it_makes_unclear_is_skipped(
    delimiter: str, trailing: bool, columns: list[str]
) -> None:
    text = printed(RECORDS, columns=tuple(columns), delimiter=delimiter, end=f"{delimiter}\n" if trailing else "\n")
    found = facts(read_text(text, poll_s=1))
    assert found == {key: INTACT[key] for key in found}
    if not any(delimiter in cell for record in RECORDS for cell in record.values()) and "," not in delimiter:
        assert found == INTACT


def test_a_delimiter_in_a_cell_before_an_empty_last_one_does_not_shift_the_row() -> None:
    text = "JobID/State/TRESUsageInTot/JobName/Timelimit\n7/COMPLETED//n2/05:00\n"
    text += "7.0/COMPLETED/cpu=1,fs/disk=28.17K,mem=10732K/python3/\n"
    (attempt,) = read_text(text).attempts
    assert [step.name for step in attempt.steps] == ["python3"]


def test_a_row_that_ends_with_a_delimiter_is_read_although_a_state_is_spelled_in_an_odd_way() -> None:
    text = "7|COMPLETED|9|\n7.0|COMPLETED|2048K|\n7.1|COMPLEteD|4096K|\n"
    (attempt,) = read_text(text, columns=["JobID", "State", "MaxRSS"]).attempts
    assert attempt.peak_mb == 4


@pytest.mark.parametrize("delimiter", [",", ";", "@@", "☃", "^|^", "\t", "xx", " | ", ":"])
def test_usual_and_unusual_delimiters_lose_no_job(delimiter: str) -> None:
    columns = ("JobID", "JobName", "State", "ExitCode", "AllocTRES", "MaxRSS", "Elapsed", "NodeList")
    text = delimiter.join(columns) + "\n"
    text += delimiter.join(("31_1", "phase", "COMPLETED", "0:0", "cpu=1,mem=4G", "", "01:10:00", "n[1-2,7]")) + "\n"
    text += delimiter.join(("31_1.batch", "batch", "COMPLETED", "0:0", "", "1196M", "01:10:00", "n1")) + "\n"
    found = read_text(text)
    assert [(one.job_id, one.peak_mb, one.limit_mb, len(one.nodes)) for one in found.attempts] == [
        ("31_1", 1196, 4096, 3)
    ]


@often
@given(st.integers(1, len(printed(RECORDS)) - 1))
def test_a_text_cut_anywhere_is_refused_or_read_right(place: int) -> None:
    text = printed(RECORDS)[:place]
    try:
        found = from_file(text)
    except InputError as error:
        assert "jobs.txt, line" in error.message
        return
    complete = {record["JobID"].partition(".")[0] for record in RECORDS[: text.count("\n") - 1]}
    for key, one in facts(found).items():
        whole = INTACT[key]
        assert key[0] in complete
        if one != whole:  # cut between two rows of its last job, and its steps are like no other job's
            assert key == list(facts(found))[-1]
            assert {step["id"] for step in one["steps"]} < {step["id"] for step in whole["steps"]}


def test_a_file_cut_between_the_rows_of_an_array_element_does_not_record_it() -> None:
    header = "JobID|JobName|State|MaxRSS|Elapsed\n"
    rows = "".join(
        f"5_{n}|imp|COMPLETED||01:00:00\n5_{n}.batch|batch|COMPLETED|4M|01:00:00\n5_{n}.0|chr{n}|COMPLETED|{n}G|01:00:00\n"
        for n in (1, 2, 3)
    )
    whole = header + rows
    assert len(from_file(whole).attempts) == 3
    for lost in (1, 2):
        found = from_file("".join(whole.splitlines(keepends=True)[:-lost]))
        assert [one.job_id for one in found.attempts] == ["5_1", "5_2"]
        assert "the text ends with it" in found.skipped[0].reason


@often
@given(st.sets(st.sampled_from([name for name in FIELDS if name not in ("JobID", "State")])))
def test_columns_left_out_lose_no_attempt_without_a_word_and_raise_no_peak(dropped: set[str]) -> None:
    columns = tuple(name for name in FIELDS if name not in dropped)
    found = read_text(printed(RECORDS, columns=columns), poll_s=1)
    expected = Counter(job_id for job_id, _ in INTACT)
    got = Counter(one.job_id for one in found.attempts)
    said = " ".join(one.reason for one in found.skipped)
    for job_id, count in expected.items():
        assert got[job_id] == count or f"job {job_id}:" in said
    highest: dict[str, float] = {}
    for (job_id, _), one in INTACT.items():
        highest[job_id] = max(one["peak_mb"] or 0, highest.get(job_id, 0))
    if not dropped & {"TRESUsageInTot", "AllocTRES", "ReqMem", "Submit"}:
        for attempt in found.attempts:
            assert (attempt.peak_mb or 0) <= highest[attempt.job_id]


NO_SUBMIT = """\
JobID|JobName|State|ExitCode|ReqMem|MaxRSS|Elapsed|Start|End
61|imp.chr1|OUT_OF_MEMORY|0:125|8G||00:20:00|2026-01-03T10:00:00|2026-01-03T10:20:00
61.batch|batch|OUT_OF_MEMORY|0:125||8100M|00:20:00|2026-01-03T10:00:00|2026-01-03T10:20:00
61|imp.chr1|COMPLETED|0:0|16G||00:40:00|2026-01-03T11:00:00|2026-01-03T11:40:00
61.batch|batch|COMPLETED|0:0||9000M|00:40:00|2026-01-03T11:00:00|2026-01-03T11:40:00
61|imp.chr1|CANCELLED by 1000|0:0|8G||00:00:00|None|2026-01-03T12:25:00
"""


@given(st.permutations(NO_SUBMIT.splitlines()[1:]))
def test_attempts_without_a_submit_time_are_kept_apart_by_when_they_ran(rows: list[str]) -> None:
    found = read_text("\n".join([NO_SUBMIT.splitlines()[0], *rows, ""]))
    assert [(str(one.outcome), one.peak_mb, one.limit_mb) for one in found.attempts] == [
        ("oom", 8192, 8192),
        ("completed", 9000, 16384),
        ("cancelled", None, 8192),
    ]
    assert len({one.submit_s for one in found.attempts}) == 3


def test_attempts_that_nothing_tells_apart_are_skipped() -> None:
    rows = [row.rsplit("|", 2)[0] for row in NO_SUBMIT.splitlines()]
    found = read_text("\n".join([*rows, ""]))
    assert not found.attempts
    assert "cannot be told apart" in found.skipped[0].reason


CLUSTERS = """\
Cluster|JobID|JobName|State|ReqMem|MaxRSS|Elapsed|Submit|Start|End
a|9|imp.chr1|COMPLETED|8G||01:00:00|100|200|3800
a|9.batch|batch|COMPLETED||900M|01:00:00|200|200|3800
b|9|imp.chr2|COMPLETED|4G||01:00:00|150|300|3900
b|9.batch|batch|COMPLETED||400M|01:00:00|300|300|3900
"""


@given(st.permutations(CLUSTERS.splitlines()[1:]))
def test_equal_ids_of_two_clusters_are_two_jobs(rows: list[str]) -> None:
    found = read_text("\n".join([CLUSTERS.splitlines()[0], *rows, ""]))
    assert {(one.name, one.peak_mb, one.submit_s) for one in found.attempts} == {
        ("imp.chr1", 900, 100),
        ("imp.chr2", 400, 150),
    }


def test_equal_ids_that_ran_at_the_same_time_are_not_mixed_without_the_cluster() -> None:
    text = "".join(f"{row.partition('|')[2]}\n" for row in CLUSTERS.splitlines())
    found = read_text(text)
    assert not found.attempts
    assert "print the column Cluster" in found.skipped[0].reason


def test_equal_ids_at_equal_times_are_recorded_once_and_the_other_named() -> None:
    text = CLUSTERS.replace("|150|300|3900", "|100|200|3800").replace("|300|300|", "|200|200|")
    found = read_text(text)
    assert [one.name for one in found.attempts] == ["imp.chr1"]
    assert "two clusters" in found.skipped[0].reason


COLUMNS = ("JobID", "JobName", "State", "ExitCode", "MaxRSS", "Start")


@pytest.mark.parametrize("quote", ["", "> ", ">", "    ", ">> "])
def test_a_pasted_table_is_read_with_its_quotation_marks_and_prompts(quote: str) -> None:
    rows = fixed(RECORDS, COLUMNS).splitlines()
    text = "[ana@login1 ~]$ sacct -D -o JobID,JobName,State\n" + "".join(f"{quote}{row}\n" for row in rows)
    text += "ana@login1:~$ \n"
    found = read_text(text, poll_s=0)
    for one in found.attempts:
        whole = next(seen for (job_id, _), seen in INTACT.items() if job_id == one.job_id)
        assert one.outcome == whole["outcome"] or whole["outcome"] in (Outcome.FAILED, Outcome.OOM)
    assert {one.job_id for one in found.attempts} > {"1", "3_1", "12", "13"}


def test_a_header_that_lost_its_indentation_names_the_same_columns() -> None:
    table = fixed(RECORDS, ("JobName", "JobID", "State", "MaxRSS"))
    shifted = table.lstrip(" ")
    assert shifted != table
    assert facts(read_text(shifted)) == facts(read_text(table))


def test_a_row_that_was_shifted_is_skipped_with_its_job() -> None:
    rows = fixed(RECORDS, COLUMNS).splitlines(keepends=True)
    place = next(number for number, row in enumerate(rows) if row.startswith("13 "))
    rows[place] = rows[place].replace("   ", " ", 1)
    found = read_text("".join(rows))
    assert "13" not in {one.job_id for one in found.attempts}
    assert any(one.line == place + 1 for one in found.skipped)


def test_cells_in_quotation_marks_are_read_without_them() -> None:
    text = '"","JobID","JobName","State","MaxRSS","AllocTRES"\n"1","5","a, b","COMPLETED",NA,"cpu=1,mem=4G"\n'
    text = text.replace("NA", '""') + '"2","5.0","x","COMPLETED","900M",""\n'
    (attempt,) = read_text(text).attempts
    assert (attempt.name, attempt.peak_mb, attempt.limit_mb) == ("a, b", 900, 4096)


def test_a_job_whose_rows_stand_under_an_id_that_was_cut_off_is_skipped() -> None:
    text = fixed(
        [
            {"JobID": "15715316_97", "State": "COMPLETED", "MaxRSS": ""},
            {"JobID": "15715316_97.batch", "State": "COMPLETED", "MaxRSS": "900M"},
            {"JobID": "7", "State": "COMPLETED", "MaxRSS": ""},
            {"JobID": "7.batch", "State": "COMPLETED", "MaxRSS": "800M"},
        ],
        ("JobID", "State", "MaxRSS"),
    )
    found = read_text(text)
    assert [(one.job_id, one.peak_mb) for one in found.attempts] == [("7", 800)]
    assert "job 15715316_97: not all of its rows can be read" in {one.reason for one in found.skipped}


def test_a_name_that_was_cut_off_tells_no_chromosome() -> None:
    text = fixed(
        [
            {"JobID": "1", "JobName": "phas.chr12.v2", "State": "COMPLETED"},
            {"JobID": "2", "JobName": "p.chr7.x-very-long", "State": "COMPLETED"},
            {"JobID": "3", "JobName": "p.chr3", "State": "COMPLETED"},
        ],
        ("JobID", "JobName", "State"),
        width=10,
    )
    found = label(read_text(text), Labels(tool="t"))
    assert [(one.job_id, one.chromosome) for one in found.observations] == [("2", "7"), ("3", "3")]
    assert "cut off" in found.skipped[0].reason
    pattern = name_pattern(r"chr(?P<chromosome>\d+)")
    found = label(read_text(text), Labels(tool="t", pattern=pattern))
    assert [(one.job_id, one.chromosome) for one in found.observations] == [("2", "7"), ("3", "3")]


def test_jobs_that_are_no_chromosomes_can_be_tasks_by_their_name() -> None:
    text = "JobID|JobName|State\n5|align_S1|COMPLETED\n6_3|align|COMPLETED\n7|x.chr4|COMPLETED\n"
    found = label(read_text(text), Labels(tool="bwa", name_is_task=True))
    assert [(one.task, one.chromosome) for one in found.observations] == [
        ("align_S1", ""),
        ("align_3", ""),
        ("chr4", "4"),
    ]


def framed(records: list[dict[str, str]], columns: tuple[str, ...], ruler: str) -> str:
    """Return a table with bars at both ends of each row, and a ruler below its header."""
    head, *rows = [f"| {row} |" for row in printed(records, columns=columns, delimiter=" | ").splitlines()]
    return "".join(f"{row}\n" for row in (head, ruler * len(columns) + ruler[0], *rows))


@pytest.mark.parametrize("ruler", ["|---", "|:--", "+-----"])
def test_a_table_in_markdown_or_of_a_database_s_client_is_read(ruler: str) -> None:
    columns = ("JobID", "State", "ExitCode", "AllocTRES", "MaxRSS", "Elapsed", "Submit")
    records = [{**record, "Elapsed": "01:00:00"} for record in RECORDS]
    text = framed(records, columns, ruler)
    source = TextSource(name="jobs.md", content=f"what ran:\n\n{text}")
    assert reader_for(source).NAME == "sacct"
    assert facts(read(source, poll_s=1)) == facts(read_text(printed(records, columns=columns), poll_s=1))


@pytest.mark.parametrize(
    ("size", "mb"),
    [("3,5G", 3584), ("2.5 GB", 2560), ("2.125 GB", 2176), ("2.5GiB", 2560), ("1536m", 1536), ("0.5T", 524288)],
)
def test_sizes_as_spreadsheets_write_them_are_read(size: str, mb: int) -> None:
    text = f"JobID;State;MaxRSS;ReqMem\n5;COMPLETED;;{size}\n5.0;COMPLETED;{size};\n"
    (attempt,) = from_file(text).attempts
    assert (attempt.peak_mb, attempt.limit_mb) == (mb, mb)


@pytest.mark.parametrize("unset", ["NaN", "16E", "16.00E", "18446744073709551614K", "None", ""])
def test_a_size_that_was_never_set_is_missing(unset: str) -> None:
    (attempt,) = from_file(f"JobID|State|MaxRSS|ReqMem\n5|COMPLETED|{unset}|8G\n5.0|COMPLETED|{unset}|\n").attempts
    assert (attempt.peak_mb, attempt.limit_mb) == (None, 8192)


@pytest.mark.parametrize(
    ("cell", "why"),
    [
        ("3,512K", "line 3: no attempt could be read: not a memory size: '3,512K'"),
        ("12 apples", "line 3: no attempt could be read: not a memory size: '12 apples'"),
    ],
)
def test_a_file_without_any_attempt_is_refused_with_the_cell_that_is_wrong(cell: str, why: str) -> None:
    with pytest.raises(InputError) as caught:
        from_file(f"$ sacct\nJobID;State;MaxRSS\n5.0;COMPLETED;{cell}\n5;COMPLETED;\n")
    assert caught.value.message == f"jobs.txt, {why}"


def test_a_time_that_may_be_two_is_refused_in_words() -> None:
    found = read_text("JobID|State|Start\n5|COMPLETED|01/03/2026 10:00\n6|COMPLETED|2026-03-01 10:00:00\n")
    assert [one.job_id for one in found.attempts] == ["6"]
    assert found.skipped[0].reason == "not a time as Slurm prints it (2026-03-01T10:00:00): '01/03/2026 10:00'"


def test_a_file_may_end_with_a_component_of_a_heterogeneous_job_which_has_no_batch_step() -> None:
    rows = ["12+0|COMPLETED||60", "12+0.batch|COMPLETED|100M|60", "12+0.0|COMPLETED|150M|60"]
    rows += ["12+1|COMPLETED||60", "12+1.0|COMPLETED|300M|60"]
    jobs = ["8|COMPLETED||60", "8.batch|COMPLETED|100M|60", "8.0|COMPLETED|100M|60"]
    found = from_file("".join(f"{row}\n" for row in ["JobID|State|MaxRSS|ElapsedRaw", *jobs, *rows]))
    assert {one.job_id: one.peak_mb for one in found.attempts} == {"8": 100, "12+0": 150, "12+1": 300}


def test_the_largest_sample_is_taken_from_tres_where_there_is_no_maxrss() -> None:
    text = "JobID|State|TRESUsageInMax\n5|COMPLETED|\n5.0|COMPLETED|cpu=00:10:00,energy=0,mem=900M,pages=0\n"
    assert read_text(text).attempts[0].peak_mb == 900


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "latin-1"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_files_of_other_systems_are_read(tmp_path: Path, encoding: str, ending: str) -> None:
    path = tmp_path / "jobs.txt"
    path.write_bytes(printed(RECORDS).replace("\n", ending).encode(encoding))
    assert facts(read(TextSource.of_file(path), poll_s=1)) == INTACT
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert facts(read(TextSource.of_file(path), poll_s=1)) == INTACT


@pytest.mark.parametrize("text", [printed(RECORDS), fixed(RECORDS, COLUMNS), printed(RECORDS, delimiter=",")])
def test_sacct_s_text_is_recognised(text: str) -> None:
    source = TextSource(name="jobs", content="Hello,\n\nhere they are:\n> " + text.replace("\n", "\n> ") + "\n")
    reader = reader_for(source)
    assert reader.NAME == "sacct"
    assert collected(reader.read(source, ReadOptions(labels=Labels(tool="t", name_is_task=True)))).observations
