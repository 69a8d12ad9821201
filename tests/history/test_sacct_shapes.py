"""Every way that sacct's output reaches us: delimiters, headers, fixed widths, JSON, and files that were cut."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from outside import shared_data

from planner.core.errors import InputError
from planner.core.records import Outcome
from planner.history.sacct.read import DELIMITER, FIELDS, JobAttempt, SacctRead, read, read_json, read_text
from planner.history.source import TextSource

FIXTURES = Path(__file__).parent / "fixtures"
OWN = (FIXTURES / "own_22.05.txt").read_text()
CORPUS = shared_data("sacct_corpus")


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


# Columns of the corpus's blocks that come without a header: the first of a file's layouts that has as many as its rows.
REPORTSEFF = "AdminComment AllocCPUS Elapsed JobID JobIDRaw MaxRSS NNodes NTasks ReqMem State Timelimit TotalCPU"
NO_NTASKS = REPORTSEFF.replace("NTasks ", "")
LAYOUTS = {
    "reportseff_console_jobs.txt": [REPORTSEFF, REPORTSEFF.replace("Timelimit ", "")],
    "reportseff_fixtures.txt": [NO_NTASKS, f"{NO_NTASKS} NCPUS"],
    "reportseff_test_reportseff.txt": [
        REPORTSEFF,
        REPORTSEFF.replace("Timelimit ", "TRESUsageOutAve Timelimit "),
        "AdminComment AllocCPUS JobID JobIDRaw MaxRSS NNodes NTasks ReqMem State",
        "AdminComment AllocCPUS JobID JobIDRaw MaxDiskReadNode MaxRSS NNodes NTasks ReqMem State",
    ],
    "reportseff_test_db_inquirer.txt": [NO_NTASKS.replace("AdminComment ", "")],
    "issue_reportseff_41.txt": [NO_NTASKS],
    "issue_apel_114.txt": [
        "JobID JobName User Account Start End Elapsed ElapsedRaw Partition NCPUS NNodes NodeList AveRSS MaxRSS State"
    ],
    "slurm_exporter_sacct_efficiency.txt": ["JobID User Account AllocCPUS Elapsed TotalCPU CPUTime MaxRSS ReqMem"],
    "snakemake_efficiency.txt": ["JobID JobName Comment Elapsed TotalCPU NNodes NCPUS MaxRSS ReqMem"],
    "toil_states.txt": ["JobID State ExitCode"],
}

corpus = pytest.mark.skipif(not CORPUS.is_dir(), reason="the public corpus is not here")


def blocks(path: Path) -> dict[str, SacctRead]:
    """Read each block of a corpus file, which a line with its name precedes."""
    texts: dict[str, str] = {}
    title = ""
    for line in path.read_text().splitlines(keepends=True):
        if line.startswith("# "):
            title = line.split()[-1]
        else:
            texts[title] = texts.get(title, "") + line.rstrip("\n") + "\n"
    return {title: read_block(path.name, text) for title, text in texts.items()}


def read_block(name: str, text: str) -> SacctRead:
    for columns in LAYOUTS.get(name, []):
        found = read_text(text, columns=columns.split(), poll_s=0)
        if found.attempts:
            return found
    return read_text(text, poll_s=0)


@corpus
@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.txt")), ids=lambda path: path.stem)
def test_every_row_of_the_public_corpus_is_read_or_named(path: Path) -> None:
    for found in blocks(path).values():
        assert found.attempts or found.skipped
        assert all(skipped.reason for skipped in found.skipped)
    whole = read_text(path.read_text())
    rows = {number for number, line in enumerate(path.read_text().split("\n"), start=1) if line.strip()}
    assert {skipped.line for skipped in whole.skipped} <= rows | {0}
    assert whole.attempts or whole.skipped


@corpus
@pytest.mark.parametrize(
    ("name", "block", "job_id", "outcome", "peak_k", "limit_mb"),
    [
        ("reportseff_console_jobs", "24418435", "24418435", "completed", 499092, 1024),
        ("reportseff_console_jobs", "24418435_notime", "24418435", "completed", 499092, 1024),
        ("reportseff_console_jobs", "24221220", "24220929_431", None, None, 16000),
        ("reportseff_console_jobs", "23000233", "23000233", "cancelled", None, 64000),
        ("reportseff_fixtures", "single_core", "39889258_1426", "completed", 3501608, 8192),
        ("reportseff_fixtures", "multi_node", "8205048", "completed", 1764224, 320000),
        ("reportseff_fixtures", "bad_gpu_used", "46044267", "timeout", 42475564, 48000),
        ("reportseff_test_reportseff", "test_issue_16", "65638294", "completed", 8074500, 32768),
        ("reportseff_test_reportseff", "test_energy_reporting", "37403870_4", "completed", 6300, 32000),
        ("reportseff_test_reportseff", "test_issue_58", "1234", "timeout", 19855760, 40960),
        ("reportseff_test_reportseff", "test_issue_73_totals", "1234", "completed", 39538757, 670720),
        ("issue_reportseff_41", "", "131042", "completed", 1947276, 16000),
        ("issue_apel_114", "", "4255766", "completed", None, None),
        ("public_readme_2019", "", "13491519", "completed", None, 256),
        ("toil_states", "", "754725", "timeout", None, None),
        ("toil_states", "", "765096", "failed", None, None),
        ("toil_states", "", "789868", None, None, None),
        ("submitit_states", "", "20_22", None, None, None),
    ],
)
def test_rows_of_the_public_corpus_mean_what_they_say(
    name: str, block: str, job_id: str, outcome: str | None, peak_k: int | None, limit_mb: int | None
) -> None:
    found = blocks(CORPUS / f"{name}.txt")[block]
    attempt = next(one for one in found.attempts if one.job_id == job_id)
    assert (attempt.outcome, attempt.limit_mb) == (outcome, limit_mb)
    assert attempt.peak_mb == (None if peak_k is None else pytest.approx(peak_k / 1024))


@corpus
def test_records_of_the_public_corpus_are_read() -> None:
    for line in (CORPUS / "reportseff_test_job.jsonl").read_text().splitlines():
        record = json.loads(line)
        record.pop("test")
        found = read_text("|".join(record) + "\n" + "|".join(record.values()) + "\n")
        assert found.attempts or found.skipped


def test_prompts_and_notes_between_rows_harm_nothing() -> None:
    found = read_text("$ sacct -P -j 5\nJobID|State|ReqMem\n5|COMPLETED|1G\n# that one was fine\n6|COMPLETED|1G\n")
    assert [one.job_id for one in found.attempts] == ["5", "6"]
    assert [skipped.line for skipped in found.skipped] == [1, 4]
