"""The call to sacct, and joining what it prints into attempts."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from planner.core.records import Outcome, Quality
from planner.history.sacct import read as sacct
from planner.history.sacct.read import FIELDS, observe, read_text

FIXTURES = Path(__file__).parent / "fixtures"
HEADER = "JobID|JobName|State|ExitCode|AllocTRES|MaxRSS|TRESUsageInTot|NTasks|ElapsedRaw\n"


def fixture(name: str, poll_s: float = 1) -> dict[str, sacct.JobAttempt]:
    read = read_text((FIXTURES / name).read_text(), poll_s=poll_s)
    assert not read.skipped
    return {attempt.job_id: attempt for attempt in read.attempts}


def one(rows: str, *, poll_s: float = 1.0) -> sacct.JobAttempt:
    (attempt,) = read_text(rows, poll_s=poll_s).attempts
    return attempt


def test_the_call_is_bounded_by_ids_and_asks_for_every_attempt_and_step() -> None:
    argv = sacct.arguments(["12"])
    assert argv[:6] == ["sacct", "-n", "-P", "-D", "--units=K", "--delimiter=\x1f"]
    assert argv[-2:] == ["-j", "12"]
    assert "-X" not in argv


def test_free_text_is_asked_for_last_and_the_submit_line_never() -> None:
    assert FIELDS[-2:] == ("WorkDir", "JobName")
    assert "SubmitLine" not in FIELDS


def test_an_array_is_asked_for_once_not_once_per_element() -> None:
    assert sacct.arguments(["12_3", "12_1", "9+1", "12_[4-6]"])[-1] == "9,12"


def test_up_to_two_thousand_jobs_are_one_call_and_more_are_as_few_as_possible() -> None:
    assert len(sacct.calls(str(number) for number in range(1, 2001))) == 1
    two = sacct.calls(str(number) for number in range(1, 2002))
    assert [argv[-1].count(",") + 1 for argv in two] == [2000, 1]
    assert sacct.calls([]) == []


def test_more_ids_than_a_call_takes_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 2000"):
        sacct.arguments(str(number) for number in range(1, 2002))


def test_names_need_a_window() -> None:
    with pytest.raises(ValueError, match="every job"):
        sacct.arguments(names=["beagle"], start="2026-01-01")
    argv = sacct.arguments(names=["beagle", "plink"], start="2026-01-01", end="2026-02-01")
    assert argv[-6:] == ["--name", "beagle,plink", "-S", "2026-01-01", "-E", "2026-02-01"]


def test_times_are_asked_for_as_epochs() -> None:
    assert sacct.ENVIRONMENT["SLURM_TIME_FORMAT"] == "%s"


def test_own_output_gives_every_number_of_an_attempt() -> None:
    attempt = fixture("own_22.05.txt")["3_3"]
    assert attempt.name == "arr"
    assert (attempt.outcome, attempt.quality) == (Outcome.COMPLETED, Quality.SAMPLED)
    assert attempt.peak_mb == pytest.approx(131676 / 1024)
    assert (attempt.limit_mb, attempt.cpus, attempt.wall_s, attempt.time_limit_s) == (150, 1, 6, math.inf)
    assert (attempt.submit_s, attempt.start_s, attempt.end_s) == (1795372372, 1795372377, 1795372383)
    assert (attempt.nodes, attempt.work_dir) == (("n1",), "/home/ana/run")


def test_own_output_gives_every_attempt_of_a_real_cluster_its_outcome() -> None:
    expected = {"1": "completed", "3_1": "completed", "3_4": "oom", "4+0": "completed", "4+1": "oom", "6": "completed",
                "9_5": "cancelled", "10": "completed", "11": "failed", "12": "timeout", "13": "completed",
                "15": "failed", "17": "cancelled", "19": "oom", "20": "completed"}  # fmt: skip
    found = fixture("own_22.05.txt")
    assert {job_id: str(found[job_id].outcome) for job_id in expected} == expected


@pytest.mark.parametrize("per", ["n", "c"])
def test_what_slurm_20_11_prints_gives_the_same_attempts(per: str) -> None:
    """Up to 20.11, ReqMem says whether it is per node or per CPU, and stands in the rows of steps, too."""
    before: list[str] = []
    text = (FIXTURES / "own_22.05.txt").read_text()
    req_mem, cpus = FIELDS.index("ReqMem"), FIELDS.index("AllocCPUS")
    asked = ""
    for line in text.split("\n"):
        cells = line.split("\x1f")
        if len(cells) > cpus:
            if cells[req_mem]:
                asked_kib = int(cells[req_mem].removesuffix("K"))
                asked = f"{asked_kib // (int(cells[cpus]) if per == 'c' else 1)}K{per}"
            cells[req_mem] = asked
        before.append("\x1f".join(cells))
    found = {attempt.job_id: attempt for attempt in read_text("\n".join(before), poll_s=1).attempts}
    for job_id, attempt in fixture("own_22.05.txt").items():
        assert found[job_id] == replace(attempt, per_cpu=per == "c")


def test_the_peak_is_the_highest_of_the_steps() -> None:
    attempt = fixture("own_22.05.txt")["13"]
    assert {step.name: round(step.peak_mb or 0) for step in attempt.steps} == {"batch": 11, "python3": 39}
    assert round(attempt.peak_mb or 0) == 39


def test_the_peak_of_a_step_with_several_slurm_tasks_is_the_sum_of_their_own_peaks() -> None:
    # one task held 200 MB, the other 100 MB
    assert fixture("own_22.05.txt")["1"].peak_mb == pytest.approx(331076 / 1024)


def test_without_that_sum_the_largest_slurm_task_counts_for_each() -> None:
    assert one(HEADER + "5|a|COMPLETED|0:0|mem=600M||||60\n5.0|a|COMPLETED|0:0||204800K||2|60\n").peak_mb == 400


def test_a_sum_alone_is_taken_for_the_peak() -> None:
    assert one(HEADER + "5|a|COMPLETED|0:0|mem=600M||||60\n5.0|a|COMPLETED|0:0|||cpu=1,mem=300M|2|60\n").peak_mb == 300


def test_the_extern_step_is_no_task_and_gives_no_peak() -> None:
    rows = (
        "5|a|COMPLETED|0:0|mem=600M||||60\n5.batch|b|COMPLETED|0:0||9000K|||60\n5.extern|e|COMPLETED|0:0||99000K|||60\n"
    )
    attempt = one(HEADER + rows)
    assert attempt.peak_mb == pytest.approx(9000 / 1024)
    assert [step.id for step in attempt.steps] == ["5.batch"]


@pytest.mark.parametrize("rss", ["", "0", "0K", "16?"])
def test_an_empty_or_zero_maxrss_is_missing(rss: str) -> None:
    attempt = one(HEADER + f"5|a|COMPLETED|0:0|mem=600M||||60\n5.batch|b|COMPLETED|0:0||{rss}|||60\n")
    assert (attempt.outcome, attempt.quality, attempt.peak_mb) == (Outcome.COMPLETED, Quality.MISSING, None)


def test_a_peak_sampled_in_fewer_than_three_polls_is_missing() -> None:
    rows = HEADER + "5|a|COMPLETED|0:0|mem=600M||||60\n5.batch|b|COMPLETED|0:0||9000K|||60\n"
    assert one(rows, poll_s=20).quality is Quality.SAMPLED
    short = one(rows, poll_s=30)
    assert (short.quality, short.peak_mb) == (Quality.MISSING, None)
    assert "ran 60 s, sampled every 30 s" in short.evidence


def test_a_timeout_keeps_its_peak_as_a_lower_bound() -> None:
    attempt = fixture("own_22.05.txt", poll_s=30)["12"]
    assert (attempt.outcome, attempt.quality, round(attempt.peak_mb or 0)) == (Outcome.TIMEOUT, Quality.SAMPLED, 3)
    assert attempt.time_limit_s == 60


def test_bare_bytes_are_bytes_for_maxrss_and_mib_for_the_limit() -> None:
    attempt = one("JobID|State|ReqMem|MaxRSS\n5|COMPLETED|128|\n5.0|COMPLETED||99295232\n")
    assert attempt.peak_mb == pytest.approx(94.695, abs=1e-3)
    assert attempt.limit_mb == 128


@pytest.mark.parametrize(
    ("req_mem", "alloc", "limit_mb"),
    [
        ("150M", "billing=1,cpu=1,mem=200M,node=1", 200),
        ("150M", "", 150),
        ("4000Mc", "", 16000),
        ("1Gn", "", 2048),
        ("16?", "", None),
        ("0n", "", None),
        ("", "", None),
        ("0", "cpu=4,mem=16000M", 16000),
    ],
)
def test_the_limit_is_what_was_allocated_else_what_was_asked_for(
    req_mem: str, alloc: str, limit_mb: int | None
) -> None:
    row = f"5|COMPLETED|{req_mem}|{alloc}|4|n[1-2]|60\n"
    attempt = one(f"JobID|State|ReqMem|AllocTRES|AllocCPUS|NodeList|ElapsedRaw\n{row}")
    assert attempt.limit_mb == limit_mb


def test_the_last_element_of_an_array_is_found_by_its_jobid_not_by_the_array_s_raw_id() -> None:
    found = fixture("array.txt")
    assert {"7_1", "7_2", "7_3"} < set(found)
    assert found["7_3"].limit_mb == 500


def test_a_pending_array_is_one_attempt_per_element() -> None:
    found = fixture("array.txt")
    assert [found[f"38_{index}"].outcome for index in (7, 8, 9)] == [None, None, None]


def test_components_of_a_het_job_are_attempts_of_their_own() -> None:
    found = fixture("het.txt")
    assert (found["90+0"].outcome, found["90+1"].outcome) == (Outcome.COMPLETED, Outcome.OOM)
    assert found["90+0"].peak_mb == pytest.approx(69600 / 1024)
    assert (found["90+1"].limit_mb, found["90+1"].nodes) == (110, ("n2",))


def test_steps_belong_to_the_attempt_that_had_been_submitted_when_they_started() -> None:
    text = (FIXTURES / "requeue.txt").read_text()
    header, job1, step1, job2, step2 = text.splitlines(keepends=True)
    for order in ([job1, step1, job2, step2], [job1, job2, step1, step2], [job2, step2, job1, step1]):
        first, second = read_text(header + "".join(order), poll_s=1).attempts
        assert [step.state for step in first.steps] == ["CANCELLED"]
        assert [step.state for step in second.steps] == ["COMPLETED"]
        assert first.submit_s < second.submit_s


def test_output_that_holds_an_attempt_twice_gives_it_once() -> None:
    text = (FIXTURES / "own_22.05.txt").read_text()
    assert read_text(text + text, poll_s=1) == read_text(text, poll_s=1)


def test_the_later_of_two_rows_of_an_attempt_counts() -> None:
    running = "5|a|RUNNING|0:0|mem=600M||||9\n"
    attempt = one(HEADER + running + "5|a|COMPLETED|0:0|mem=600M||||60\n5.0|b|COMPLETED|0:0||9000K|||60\n")
    assert (attempt.state, attempt.wall_s) == ("COMPLETED", 60)


def test_a_step_without_its_job_s_row_is_named() -> None:
    read = read_text(HEADER + "5.0|b|COMPLETED|0:0||9000K|||60\n")
    assert not read.attempts
    assert (read.skipped[0].line, read.skipped[0].reason) == (2, "step 5.0 without its job's row")


def test_local_times_and_epochs_mean_the_same_instant(monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        attempt = one("JobID|State|Submit|Start\n5|COMPLETED|2026-11-22T16:36:13|Unknown\n")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert (attempt.submit_s, attempt.start_s) == (1795383373, None)


def test_an_attempt_becomes_an_observation() -> None:
    attempt = fixture("own_22.05.txt")["3_4"]
    seen = observe(attempt, tool="ramp", task="s1.chr4", sample="s1", chromosome="4", features={"length_mb": 190.2})
    assert seen.key == ("3_4", 1795372372)
    assert (seen.outcome, seen.quality, seen.limit_mb) == (Outcome.OOM, Quality.CENSORED, 150)
    assert seen.peak_mb == pytest.approx(172656 / 1024)
    assert seen.features == {"length_mb": 190.2}


def test_a_step_that_is_a_task_becomes_an_observation_under_its_own_id() -> None:
    attempt = fixture("own_22.05.txt")["19"]
    step = next(step for step in attempt.steps if step.name == "chr3")
    seen = observe(attempt, tool="ramp", task="chr3", step=step)
    assert (seen.job_id, seen.limit_mb, seen.outcome) == ("19.2", 180, Outcome.COMPLETED)
    assert seen.peak_mb == pytest.approx(131712 / 1024)


def test_what_has_not_ended_is_no_observation() -> None:
    with pytest.raises(ValueError, match="has not ended"):
        observe(fixture("array.txt")["38_7"], tool="t", task="t")
