"""What became of an attempt, decided from everything accounting says; rows recorded from real clusters."""

from pathlib import Path

import pytest

from planner.core.records import Outcome, Quality
from planner.history.sacct.outcomes import classify_log, said_by_slurm
from planner.history.sacct.read import JobAttempt, read_text, with_log

FIXTURES = Path(__file__).parent / "fixtures"


def attempts(name: str) -> dict[str, JobAttempt]:
    read = read_text((FIXTURES / name).read_text(), poll_s=1)
    assert not read.skipped
    return {attempt.name: attempt for attempt in read.attempts}


def one(rows: str) -> JobAttempt:
    (attempt,) = read_text(rows, poll_s=1).attempts
    return attempt


CGROUP_OOMS = ["oom_batch_exec", "oom_batch_child_exit0", "oom_batch_child_go_on", "oom_srun", "oom_srun_exit0",
               "oom_srun_child_exit0", "oom_spike_fast"]  # fmt: skip


@pytest.mark.parametrize("name", CGROUP_OOMS)
def test_a_cgroup_kill_is_an_oom_whatever_the_script_returned(name: str) -> None:
    attempt = attempts("cgroup.txt")[name]
    assert (attempt.outcome, attempt.quality) == (Outcome.OOM, Quality.CENSORED)
    assert attempt.peak_mb == 150  # sampled below the limit, but it hit it


@pytest.mark.parametrize("name", ["oom_batch_exec", "oom_batch_child_exit0", "oom_srun", "oom_srun_exit0"])
def test_a_kill_by_the_accounting_poller_is_an_oom_whatever_the_state_says(name: str) -> None:
    attempt = attempts("poller.txt")[name]
    assert (attempt.outcome, attempt.quality) == (Outcome.OOM, Quality.CENSORED)
    assert attempt.peak_mb is not None
    assert attempt.peak_mb > 150  # it overshot by up to one poll
    assert "CANCELLED by 0, exit 0:9" in attempt.evidence
    assert "limit of 150 MB" in attempt.evidence


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("py_memerror", Outcome.FAILED),
        ("java_oom", Outcome.FAILED),
        ("exit3", Outcome.FAILED),
        ("segv", Outcome.FAILED),
        ("kill9", Outcome.FAILED),
        ("child_kill9_exit137", Outcome.FAILED),
        ("notfound", Outcome.FAILED),
        ("cancel", Outcome.CANCELLED),
        ("cancel_pend", Outcome.CANCELLED),
        ("dep_kill", Outcome.CANCELLED),
        ("timeout", Outcome.TIMEOUT),
        ("preempted", Outcome.INFRA),
        ("nodefail_norequeue", Outcome.INFRA),
        ("launch_fail", Outcome.INFRA),
    ],
)
def test_every_other_end_has_its_outcome(name: str, outcome: Outcome) -> None:
    assert attempts("either.txt")[name].outcome is outcome


def test_a_completed_job_with_completed_steps_is_completed() -> None:
    attempt = attempts("cgroup.txt")["ok_batch"]
    assert (attempt.outcome, attempt.quality) == (Outcome.COMPLETED, Quality.SAMPLED)
    assert attempt.peak_mb == pytest.approx(88968 / 1024)


def test_an_oom_of_a_step_counts_in_its_own_limit_not_its_jobs() -> None:
    attempt = attempts("packed.txt")["node2"]
    assert attempt.outcome is Outcome.OOM
    assert (attempt.peak_mb, attempt.limit_mb) == (150, 150)
    assert [(step.name, step.outcome, step.limit_mb) for step in attempt.steps] == [
        ("chr2", Outcome.OOM, 150),
        ("chr4", Outcome.COMPLETED, 150),
    ]


def test_a_kill_that_a_requeue_painted_over_is_still_an_oom() -> None:
    read = read_text((FIXTURES / "requeue_oom.txt").read_text(), poll_s=1)
    first, second = read.attempts
    assert (first.outcome, first.limit_mb, first.peak_mb) == (Outcome.OOM, 100, 163648 / 1024)
    assert (second.outcome, second.limit_mb) == (Outcome.COMPLETED, 250)


def test_a_requeue_without_a_kill_is_no_fault_of_the_task() -> None:
    first, second = read_text((FIXTURES / "requeue.txt").read_text(), poll_s=1).attempts
    assert first.outcome is Outcome.INFRA
    assert second.outcome is Outcome.COMPLETED  # although its DerivedExitCode carries 0:15 of the first


HEADER = "JobID|JobName|State|ExitCode|DerivedExitCode|ReqMem|MaxRSS|ElapsedRaw\n"


def test_derived_exit_code_decides_when_the_steps_are_not_there() -> None:
    attempt = one(HEADER + "5|a|COMPLETED|0:0|0:125|150M||60\n")
    assert (attempt.outcome, attempt.peak_mb, attempt.evidence) == (Outcome.OOM, 150, "DerivedExitCode 0:125")


def test_a_completed_job_whose_derived_exit_code_is_not_zero_failed() -> None:
    attempt = one(HEADER + "5|a|COMPLETED|0:0|1:0|150M||60\n5.batch|batch|COMPLETED|0:0|||900K|60\n")
    assert attempt.outcome is Outcome.FAILED
    assert "DerivedExitCode 1:0" in attempt.evidence


def test_a_completed_job_with_a_failed_step_failed() -> None:
    attempt = one(HEADER + "5|a|COMPLETED|0:0|1:0|150M||60\n5.0|tool|FAILED|1:0|||90000K|60\n")
    assert attempt.outcome is Outcome.FAILED
    assert attempt.evidence == "step 0 FAILED, exit 1:0 under job COMPLETED, exit 0:0"


def test_a_step_that_accounting_never_closed_does_not_spoil_a_completed_job() -> None:
    attempt = one(HEADER + "5|a|COMPLETED|0:0|0:0|150M||60\n5.0|tool|RUNNING|0:0|||90000K|60\n")
    assert attempt.outcome is Outcome.COMPLETED


@pytest.mark.parametrize("code", ["0:9", "9:0"])
def test_a_kill_near_the_limit_is_a_suspected_oom(code: str) -> None:
    rows = HEADER + f"5|a|FAILED|{code}|0:0|100M||60\n5.batch|batch|CANCELLED|0:9|||97000K|60\n"
    attempt = one(rows)
    assert attempt.outcome is Outcome.OOM
    assert "suspected" in attempt.evidence
    assert attempt.peak_mb == 100


def test_a_kill_far_below_the_limit_is_a_failure() -> None:
    assert (
        one(HEADER + "5|a|FAILED|0:9|0:0|100M||60\n5.batch|batch|CANCELLED|0:9|||47000K|60\n").outcome is Outcome.FAILED
    )


def test_a_step_killed_by_a_person_is_not_an_oom() -> None:
    rows = HEADER + "5|a|CANCELLED by 77|0:0|0:9|100M||60\n5.0|a|CANCELLED by 77|0:9|||150000K|60\n"
    assert one(rows).outcome is Outcome.CANCELLED


def test_an_oom_that_only_the_extern_step_reports_is_an_oom() -> None:
    rows = (
        HEADER
        + "5|a|FAILED|1:0|0:0|100M||60\n5.batch|batch|FAILED|1:0|||9000K|60\n"
        + "5.extern|extern|OUT_OF_MEMORY|0:125|||0|60\n"
    )
    attempt = one(rows)
    assert (attempt.outcome, attempt.peak_mb) == (Outcome.OOM, 100)
    assert [step.name for step in attempt.steps] == ["batch"]


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUE_HOLD"])
def test_an_attempt_that_has_not_ended_has_no_outcome(state: str) -> None:
    attempt = one(HEADER + f"5|a|{state}|0:0||100M||60\n")
    assert (attempt.outcome, attempt.quality) == (None, Quality.MISSING)


@pytest.mark.parametrize(
    ("step", "job", "outcome"),
    [
        ("CANCELLED|0:15", "TIMEOUT|0:0", Outcome.TIMEOUT),
        ("CANCELLED|0:15", "PREEMPTED|0:0", Outcome.INFRA),
        ("CANCELLED|0:11", "FAILED|0:11", Outcome.FAILED),
        ("CANCELLED by 77|0:15", "COMPLETED|0:0", Outcome.CANCELLED),
        ("FAILED|137:0", "FAILED|1:0", Outcome.FAILED),
        ("RUNNING|0:0", "RUNNING|0:0", None),
    ],
)
def test_a_step_that_is_a_task_of_its_own_is_judged_for_itself(step: str, job: str, outcome: Outcome | None) -> None:
    rows = HEADER + f"5|a|{job}||1000M||60\n5.0|chr1|{step}|||9000K|60\n"
    (got,) = one(rows).steps
    assert got.outcome is outcome


def test_a_step_killed_near_its_own_limit_is_a_suspected_oom() -> None:
    rows = "JobID|State|ExitCode|AllocTRES|MaxRSS\n5|COMPLETED|0:0|mem=1000M|\n5.0|FAILED|0:9|mem=100M|99000K\n"
    (step,) = one(rows).steps
    assert (step.outcome, step.limit_mb) == (Outcome.OOM, 100)


CGROUP_LOG = """slurmstepd-n1: error: Detected 1 oom-kill event(s) in StepId=4247.batch. Some of your processes may
have been killed by the cgroup out-of-memory handler."""
POLLER_LOG = "slurmstepd-n1: error: StepId=18.batch exceeded memory limit (171175936 > 157286400), being killed"


@pytest.mark.parametrize(
    ("text", "own_heap"),
    [
        (CGROUP_LOG, False),
        (POLLER_LOG, False),
        ("srun: error: n1: task 0: Out Of Memory", False),
        ("Exception in thread main java.lang.OutOfMemoryError: Java heap space", True),
        ("Traceback …\nMemoryError", True),
        ("terminate called after throwing an instance of 'std::bad_alloc'", True),
        ("fork: Cannot allocate memory", True),
        ("numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB", True),
        ("Error: cannot allocate vector of size 3.9 Gb\nExecution halted", True),
        ("Error: Out of memory.  The --memory flag may be helpful.", True),
        ("Out of memory!", True),
        ("sort: memory exhausted", True),
        ("fatal error: runtime: out of memory", True),
        ("memory allocation of 4096 bytes failed", True),
    ],
)
def test_a_log_that_speaks_of_memory_is_understood(text: str, own_heap: bool) -> None:
    found = classify_log(f"chr22 started\n{text}\n")
    assert found is not None
    assert found.own_heap is own_heap


@pytest.mark.parametrize(
    "text",
    [
        *("", "Killed", "MemoryErrorHandler installed", "out of memory bounds check passed"),
        *("torch.cuda.OutOfMemoryError: CUDA out of memory.", "RuntimeError: CUDA error: out of memory"),
        *("in chunks, so as not to run out of memory", "--low-mem: avoids out of memory errors"),
    ],
)
def test_a_log_that_does_not_speak_of_memory_decides_nothing(text: str) -> None:
    assert classify_log(text) is None


def test_the_poller_s_message_holds_what_was_in_use() -> None:
    found = classify_log(POLLER_LOG)
    assert found is not None
    assert found.used_mb == pytest.approx(163.246, abs=1e-3)


@pytest.mark.parametrize(
    "line",
    [
        "slurmstepd-n1: error: StepId=47.0 exceeded memory limit (171175936 > 157286400), being killed",
        "slurmstepd: error: Detected 1 oom-kill event(s) in StepId=47.0.",
        # 26.05
        "[2026-11-26T21:04:03.317] error: StepId=47.0 exceeded memory limit (171175936 > 157286400), being killed",
    ],
)
def test_what_slurm_says_in_a_log_is_told_from_what_the_program_says(line: str) -> None:
    said = said_by_slurm(f"error: exceeded memory limit (2 > 1)\n{line}\n[info] exceeded memory limit (2 > 1)\n")
    assert said == line
    assert classify_log(said) is not None


def test_a_log_turns_an_unexplained_failure_into_an_oom() -> None:
    attempt = with_log(attempts("either.txt")["kill9"], POLLER_LOG)
    assert (attempt.outcome, attempt.quality) == (Outcome.OOM, Quality.CENSORED)
    assert attempt.peak_mb == pytest.approx(163.246, abs=1e-3)
    assert attempt.evidence == "job FAILED, exit 0:9; log: exceeded memory limit (163 > 150 MB)"


def test_a_heap_of_its_own_bounds_the_peak_only_by_what_was_sampled() -> None:
    attempt = with_log(attempts("either.txt")["java_oom"], "java.lang.OutOfMemoryError: Java heap space")
    assert attempt.outcome is Outcome.OOM
    assert attempt.peak_mb == pytest.approx(100992 / 1024)


def test_a_heap_that_follows_the_request_bounds_the_peak_by_the_limit() -> None:
    failed = attempts("either.txt")["java_oom"]
    attempt = with_log(failed, "java.lang.OutOfMemoryError: Java heap space", heap_follows_request=True)
    assert attempt.peak_mb == 700


def test_a_log_changes_nothing_but_failures() -> None:
    for name in ("timeout", "cancel", "preempted"):
        attempt = attempts("either.txt")[name]
        assert with_log(attempt, CGROUP_LOG) is attempt
    silent = attempts("either.txt")["exit3"]
    assert with_log(silent, "file not found") is silent
