"""Every way that sacct's output reaches us: delimiters, headers, fixed widths, JSON, and files that were cut."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from accounts import read_json
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.errors import InputError
from planner.core.records import Outcome
from planner.history.sacct.read import DELIMITER, FIELDS, JobAttempt, SacctRead, read, read_text
from planner.history.source import TextSource

FIXTURES = Path(__file__).parent / "fixtures"
OWN = (FIXTURES / "own_22.05.txt").read_text()


def from_file(text: str) -> SacctRead:
    return read(TextSource(name="jobs.txt", content=text))


def by_key(attempts: tuple[JobAttempt, ...]) -> dict[tuple[str, int], dict[str, Any]]:
    return {(attempt.job_id, attempt.submit_s): asdict(attempt) for attempt in attempts}


@pytest.mark.parametrize("delimiter", ["|", "^|^", "\t", "^"])
@pytest.mark.parametrize("trailing", ["", "end"])
def test_any_delimiter_with_a_header_in_any_column_order(delimiter: str, trailing: str) -> None:
    wanted = [attempt for attempt in read_text(OWN, poll_s=1).attempts if attempt.job_id != "6"]
    order = ["State", "JobName", *(name for name in reversed(FIELDS) if name not in ("State", "JobName"))]
    lines = [order]
    for line in OWN.splitlines():
        values = dict(zip(FIELDS, line.split(DELIMITER), strict=False))
        if len(values) == len(FIELDS) and not values["JobID"].startswith("6"):  # job 6 has "|" in its name
            lines.append([values[name] for name in order])
    end = delimiter if trailing else ""
    text = "".join(delimiter.join(line) + end + "\n" for line in lines)
    found = read_text(text, delimiter=delimiter if delimiter == "^" else None, poll_s=1)
    assert not found.skipped
    assert by_key(found.attempts) == by_key(tuple(wanted))


def test_names_keep_delimiters_and_line_breaks() -> None:
    names = {attempt.job_id: attempt.name for attempt in read_text(OWN).attempts}
    assert names["6"] == "na|me\nx"


def test_a_delimiter_in_the_only_free_text_column_is_part_of_it() -> None:
    text = "JobID|JobName|State|ReqMem\n5|a|b||c|COMPLETED|1G\n6|plain|FAILED|2G\n"
    found = read_text(text)
    assert [(one.job_id, one.name, one.limit_mb) for one in found.attempts] == [
        ("5", "a|b||c", 1024),
        ("6", "plain", 2048),
    ]


def test_columns_can_be_named_when_there_is_no_header() -> None:
    found = read_text("5|COMPLETED|1G\n", columns=["jobid", "state", "reqmem"])
    assert [(one.job_id, one.limit_mb) for one in found.attempts] == [("5", 1024)]


@pytest.mark.parametrize("delimiter", [",", ";", "@@", "\N{SNOWMAN}", "\N{SNOWMAN}\N{SNOWMAN}", "^|^"])
def test_rows_without_a_header_may_have_any_delimiter_and_empty_cells(delimiter: str) -> None:
    rows = [["5", "COMPLETED", "1G", "", "00:20:00"], ["5.batch", "COMPLETED", "", "300000K", "00:20:00"]]
    text = "".join(delimiter.join(row) + "\n" for row in rows)
    found = read_text(text, columns=["jobid", "state", "reqmem", "maxrss", "elapsed"])
    assert [(one.job_id, one.limit_mb, round(one.peak_mb or 0)) for one in found.attempts] == [("5", 1024, 293)]


def test_rows_without_a_header_are_named_as_such() -> None:
    found = read_text("5|COMPLETED|1G\n")
    assert not found.attempts
    assert "no header" in found.skipped[0].reason


def test_several_outputs_in_one_file_each_follow_their_own_header() -> None:
    found = read_text("JobID|State\n5|COMPLETED\nState|JobID|ReqMem\nFAILED|6|1G\n")
    assert [(one.job_id, one.outcome) for one in found.attempts] == [("5", Outcome.COMPLETED), ("6", Outcome.FAILED)]


def test_a_job_named_like_a_column_is_no_header() -> None:
    found = read_text("JobID|State|JobName\n5|COMPLETED|JobID\n")
    assert [one.name for one in found.attempts] == ["JobID"]


DEFAULT_TABLE = """\
JobID           JobName  Partition    Account  AllocCPUS      State ExitCode
------------ ---------- ---------- ---------- ---------- ---------- --------
4251         oom_srun_+      debug    default          2  COMPLETED      0:0
4251.batch        batch               default          2  COMPLETED      0:0
4251.ext+        extern               default          2  COMPLETED      0:0
4251.0          python3               default          2 OUT_OF_ME+    0:125
15715316_97+    mcorrex      debug    default          2  COMPLETED      0:0
4252               stop      debug    default          2 CANCELLED+      0:0
"""


def test_sacct_s_default_table_is_read_and_what_it_cut_off_is_named() -> None:
    found = read_text(DEFAULT_TABLE)
    assert [(one.job_id, one.outcome, one.cpus) for one in found.attempts] == [
        ("4251", Outcome.OOM, 2),
        ("4252", Outcome.CANCELLED, 2),
    ]
    assert [(skipped.line, skipped.reason) for skipped in found.skipped] == [(7, "not a job id: '15715316_97+'")]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("5|X||", "unknown state 'X'"),
        ("5|CO+||", "unknown state 'CO+'"),
        ("x|COMPLETED||", "not a job id"),
        ("5|||", "State is empty"),
        ("5|COMPLETED|0|", "not an exit code"),
        ("5|COMPLETED||lots", "not a memory size"),
    ],
)
def test_a_row_that_slurm_would_not_print_is_skipped_with_the_reason(row: str, reason: str) -> None:
    found = read_text(f"JobID|State|ExitCode|ReqMem\n{row}\n6|COMPLETED|0:0|1G\n")
    assert [one.job_id for one in found.attempts] == ["6"]
    assert found.skipped[-1].line == 2
    assert any(reason in skipped.reason for skipped in found.skipped)


def test_a_number_that_is_none_is_skipped_with_the_reason() -> None:
    found = read_text("JobID|State|AllocCPUS\n5|COMPLETED|many\n")
    assert any("AllocCPUS: not a number" in skipped.reason for skipped in found.skipped)


def test_without_a_state_column_nothing_can_be_decided() -> None:
    found = read_text("JobID|MaxRSS\n5|\n")
    assert "no State column" in {skipped.reason for skipped in found.skipped}


def test_a_cut_row_takes_its_whole_attempt_with_it() -> None:
    text = "JobID|State|MaxRSS\n4|COMPLETED|\n4.0|COMPLETED|900K\n5|COMPLETED|\n5.batch|COMPLETED|900K\n5.0|COMP\n"
    found = read_text(text, poll_s=0)
    assert [one.job_id for one in found.attempts] == ["4"]  # without its .0, job 5 would seem to need 1 MB
    assert [(skipped.line, skipped.reason) for skipped in found.skipped] == [
        (4, "job 5: not all of its rows can be read"),
        (6, "2 columns where 3 belong"),
    ]


def test_a_row_cut_within_its_id_is_counted_to_the_job_before_it() -> None:
    found = read_text("JobID|State|MaxRSS\n4|COMPLETED|\n5|COMPLETED|\n5.0|COMPLETED|900K\n5.1", poll_s=0)
    assert [one.job_id for one in found.attempts] == ["4"]


def test_a_last_line_without_an_end_is_not_trusted() -> None:
    found = read_text("JobID|State|MaxRSS\n4|COMPLETED|\n5|COMPLETED|\n5.0|COMPLETED|900", poll_s=0)
    assert [one.job_id for one in found.attempts] == ["4"]


def test_strict_reading_names_file_and_line_of_a_cut_last_row() -> None:
    with pytest.raises(InputError) as caught:
        from_file("JobID|State|MaxRSS\n5|COMPLETED|\n5.0|COMP\n")
    assert caught.value.message == "jobs.txt, line 3: the last row is cut"


@pytest.mark.parametrize("text", ["", "\n\n", "JobID|State\n", "hello\nworld\n"])
def test_strict_reading_refuses_text_that_holds_no_attempt(text: str) -> None:
    with pytest.raises(InputError, match="no attempt could be read"):
        from_file(text)


@pytest.mark.parametrize("cut", range(1, len(OWN) - 1, 97))
def test_wherever_the_text_is_cut_strict_reading_refuses_and_lenient_reading_never_changes_a_number(cut: int) -> None:
    whole = by_key(read_text(OWN, poll_s=1).attempts)
    text = OWN[:cut]
    if not text.endswith("\n"):
        with pytest.raises(InputError, match="line"):
            from_file(text)
    found = by_key(read_text(text, poll_s=1).attempts)
    last = list(found)[-1:] if text.endswith("\n") else []
    for key, attempt in found.items():
        if key not in last:  # cut between two rows, the last attempt may lack steps: nothing tells
            assert attempt == whole[key]


@settings(deadline=None, max_examples=100)
@given(
    st.text(max_size=300)
    | st.lists(st.sampled_from(["JobID", "State", "5", "5.0", "|", "\n", "^|^", "COMPLETED", "-- --", "1G"])).map(
        "".join
    )
)
def test_no_text_makes_the_reader_crash(text: str) -> None:
    found = read_text(text)
    assert len(found.attempts) + len(found.skipped) <= 3 * text.count("\n") + 3


def test_json_of_22_05_says_the_same_as_the_text() -> None:
    text = by_key(read_text(OWN, poll_s=1).attempts)
    for key, attempt in by_key(read_json((FIXTURES / "sacct_22.05.json").read_text(), poll_s=1).attempts).items():
        # this version prints no limit for UNLIMITED, and exit status 0 for every failed job
        for name in ("time_limit_s", "evidence"):
            attempt.pop(name)
            text[key].pop(name)
        for mine, other in zip(attempt.pop("steps"), text[key].pop("steps"), strict=True):
            assert mine | {"evidence": ""} == other | {"evidence": ""}
        assert attempt == text[key]


def test_json_of_later_versions_says_the_same() -> None:
    older = by_key(read_json((FIXTURES / "sacct_22.05.json").read_text(), poll_s=1).attempts)
    newer = by_key(read_json((FIXTURES / "sacct_v0.0.40.json").read_text(), poll_s=1).attempts)
    assert len(newer) == 17
    for key, attempt in newer.items():
        assert attempt.pop("time_limit_s") in (float("inf"), older[key].pop("time_limit_s")) or key[0] == "12"
        older[key].pop("time_limit_s", None)
        assert attempt == older[key]


def test_json_whose_steps_carry_their_id_as_an_object_is_read() -> None:
    document = json.loads((FIXTURES / "sacct_v0.0.40.json").read_text())
    expected = read_json(json.dumps(document), poll_s=1)
    for job in document["jobs"]:
        job["state"]["current"] = job["state"]["current"][0]
        for step in job["steps"]:
            job_id, _, name = step["step"]["id"].partition(".")
            step["step"]["id"] = {"job_id": int(job_id), "step_id": name}
            step["state"] = step["state"][0]
    assert read_json(json.dumps(document), poll_s=1) == expected


def test_json_knows_pending_array_elements_as_ranges_too() -> None:
    job = {"job_id": 9, "array": {"job_id": 9, "task": "1-2,5%1"}, "state": {"current": ["PENDING"]}, "steps": []}
    assert [one.job_id for one in read_json(json.dumps({"jobs": [job]})).attempts] == ["9_1", "9_2", "9_5"]


def test_a_flag_in_a_json_state_overrides_it() -> None:
    job = {"job_id": 9, "state": {"current": ["RUNNING", "COMPLETING"]}}
    assert read_json(json.dumps({"jobs": [job]})).attempts[0].outcome is None
    job = {"job_id": 9, "state": {"current": ["PENDING", "REQUEUED"]}}
    assert read_json(json.dumps({"jobs": [job]})).attempts[0].outcome is Outcome.INFRA


@pytest.mark.parametrize("text", ['{"jobs": [', '{"jobs": 5}', "[]", "{}"])
def test_json_that_is_cut_or_no_sacct_output_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"jobs\.json"):
        read_json(text, source="jobs.json")


def test_jobs_in_json_that_cannot_be_read_are_named_by_their_place() -> None:
    text = json.dumps({"jobs": [{"job_id": 4, "state": {"current": "COMPLETED"}}, {"job_id": 5}, "odd"]})
    found = read_json(text)
    assert [one.job_id for one in found.attempts] == ["4"]
    assert (found.skipped[0].line, found.skipped[0].reason) == (2, "State is empty")


def test_text_and_json_are_told_apart() -> None:
    assert from_file((FIXTURES / "sacct_22.05.json").read_text()).attempts
    assert from_file(OWN).attempts


# Rows without a header, as tools that report efficiency ask sacct for them: each has its own columns, delimiter and
# age of Slurm, whose ReqMem ends in c (per core) or n (per node) before 21.08.
COMMENTED = "AdminComment AllocCPUS Elapsed JobID JobIDRaw MaxRSS NNodes NTasks ReqMem State Timelimit TotalCPU"
PLAIN = "JobID JobName User Start End ElapsedRaw NCPUS NNodes NodeList MaxRSS State"
STATES = "JobID State ExitCode"


@pytest.mark.parametrize(
    ("columns", "rows", "outcome", "peak_k", "limit_mb"),
    [
        pytest.param(
            COMMENTED,
            [
                "^|^2^|^01:10:05^|^501^|^501^|^^|^1^|^^|^1Gn^|^COMPLETED^|^03:00:00^|^02:01:07^|^",
                "^|^2^|^01:10:05^|^501.batch^|^501.batch^|^300000K^|^1^|^1^|^1Gn^|^COMPLETED^|^^|^02:01:07^|^",
                "^|^2^|^01:10:05^|^501.extern^|^501.extern^|^1100K^|^1^|^1^|^1Gn^|^COMPLETED^|^^|^00:00:00^|^",
            ],
            "completed",
            300_000,
            1024,
            id="memory per node",
        ),
        pytest.param(
            COMMENTED,
            [
                "^|^4^|^00:20:00^|^502_3^|^509^|^^|^1^|^^|^500Mc^|^TIMEOUT^|^00:20:00^|^01:19:00^|^",
                "^|^4^|^00:20:02^|^502_3.batch^|^509.batch^|^910000K^|^1^|^1^|^500Mc^|^CANCELLED^|^^|^01:19:00^|^",
            ],
            "timeout",
            910_000,
            2000,
            id="memory per core, of an element",
        ),
        pytest.param(
            COMMENTED,
            ["^|^16^|^00:00:00^|^503^|^503^|^^|^1^|^^|^4000Mc^|^CANCELLED by 1000^|^6-00:00:00^|^00:00:00^|^"],
            "cancelled",
            None,
            64_000,
            id="cancelled before it started",
        ),
        pytest.param(
            COMMENTED,
            [
                "<AdminComment>|40|00:02:26|504|504||2||100G|COMPLETED|01:00:00|16:01.272",
                "|20|00:02:26|504.batch|504.batch|700000K|1|1||COMPLETED||08:01.268",
                "|40|00:02:20|504.0|504.0|900000K|2|2||COMPLETED||08:00.004",
            ],
            "completed",
            1_800_000,
            102_400,
            id="two tasks, each with the peak",
        ),
        pytest.param(
            PLAIN,
            ["505|a.sh|ana|2020-01-09T00:36:57|2020-01-10T00:00:06|84189|1|1|n3|16?|COMPLETED"],
            "completed",
            None,
            None,
            id="a peak that was not measured",
        ),
        pytest.param(STATES, ["506|TIMEOUT|0:0", "506.extern|COMPLETED|0:0"], "timeout", None, None, id="states alone"),
        pytest.param(STATES, ["507|FAILED|0:9", "507.0|CANCELLED by 7|0:9"], "failed", None, None, id="killed"),
        pytest.param(STATES, ["508|PENDING|0:0"], None, None, None, id="waiting"),
    ],
)
def test_rows_without_a_header_mean_what_they_say(
    columns: str, rows: list[str], outcome: str | None, peak_k: int | None, limit_mb: int | None
) -> None:
    found = read_text("\n".join(rows) + "\n", columns=columns.split(), poll_s=0)
    assert not found.skipped
    (attempt,) = found.attempts
    assert (attempt.outcome, attempt.limit_mb) == (outcome, limit_mb)
    assert attempt.peak_mb == (None if peak_k is None else pytest.approx(peak_k / 1024))


def test_elements_that_wait_are_listed_one_by_one() -> None:
    found = read_text("JobID|State\n20_[2-4,7,9-10%2]|PENDING\n12_[1-3%25]|PENDING\n11_0|RUNNING\n")
    assert [one.job_id for one in found.attempts] == [
        *(f"20_{index}" for index in (2, 3, 4, 7, 9, 10)),
        *(f"12_{index}" for index in (1, 2, 3)),
        "11_0",
    ]
    assert {one.outcome for one in found.attempts} == {None}


def test_prompts_and_notes_between_rows_harm_nothing() -> None:
    found = read_text("$ sacct -P -j 5\nJobID|State|ReqMem\n5|COMPLETED|1G\n# that one was fine\n6|COMPLETED|1G\n")
    assert [one.job_id for one in found.attempts] == ["5", "6"]
    assert [skipped.line for skipped in found.skipped] == [1, 4]


def test_components_of_a_heterogeneous_job_have_steps_of_their_own_also_at_the_end_of_a_file(tmp_path: Path) -> None:
    rows = ["9+0|het|COMPLETED|600|", "9+0.batch|batch|COMPLETED|600|20M", "9+0.0|a|COMPLETED|600|900M"]
    rows += ["9+1|het|COMPLETED|600|", "9+1.1|b|COMPLETED|600|800M"]
    file = tmp_path / "het.txt"
    file.write_text("\n".join(["JobID|JobName|State|ElapsedRaw|MaxRSS", *rows, ""]))
    found = read(TextSource.of_file(file))
    assert [(one.job_id, one.peak_mb) for one in found.attempts] == [("9+0", 900), ("9+1", 800)]
    assert not found.skipped
