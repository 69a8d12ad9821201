"""One call of one of Slurm's commands: what it sees, what counts as a failure, what a failure means."""

import contextlib
import os
from pathlib import Path

import interference
import pytest

from planner import slurm
from planner.slurm import calls, environment, jobs
from planner.slurm.calls import Verdict


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "PATIENT", calls.Patience(pauses_s=(0.0, 0.0)))


def command(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a command of this name first on the PATH."""
    path = folder / name
    path.write_text(f"#!/bin/bash\n{script}\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_a_command_that_says_it_got_no_answer_and_nothing_else_has_failed_whatever_its_exit_code() -> None:
    with pytest.raises(slurm.SlurmError, match="Problem talking to the database"):
        slurm.run(["sh", "-c", "echo 'sacct: error: Problem talking to the database' >&2"])


def test_errors_in_a_sites_settings_are_not_the_commands() -> None:
    said = "squeue: error: spank: /usr/lib/slurm/auks.so: cannot open shared object file: No such file or directory"
    assert slurm.run(["sh", "-c", f"echo '{said}' >&2"]) == ""


def test_a_warning_beside_an_answer_is_none() -> None:
    assert slurm.run(["sh", "-c", "echo 'sbatch: error: beware' >&2; echo 7"]) == "7\n"


@pytest.mark.parametrize(
    ("said", "returncode", "verdict"),
    [
        ("Batch job submission failed: Invalid account or account/partition combination specified", 1, "refused"),
        ("Batch job submission failed: Job violates accounting/QOS policy (job submit limit, …)", 1, "refused"),
        ("Batch job submission failed: Requested node configuration is not available", 1, "refused"),
        ("Batch job submission failed: Access/permission denied", 1, "refused"),
        ("sbatch: unrecognized option '--frobnicate'", 255, "refused"),
        ("sbatch: error: Unable to open file rounds/r001/array.sh", 1, "refused"),
        ("Batch job submission failed: Unspecified error", 1, "refused"),  # a job_submit plugin's no
        ("Batch job submission failed: Unexpected message received", 1, "unknown"),
        ("Batch job submission failed: Socket timed out on send/recv operation", 1, "unknown"),
        ("Batch job submission failed: Zero Bytes were transmitted or received", 1, "unknown"),
        ("Batch job submission failed: Unable to contact slurm controller (connect failure)", 1, "unknown"),
        ("Batch job submission failed: Transport endpoint is not connected", 1, "unknown"),
        ("Batch job submission failed: Invalid job credential", 1, "unknown"),
        ("Batch job submission failed: Slurm temporarily unable to accept job, sleeping and retrying", 1, "unknown"),
        ("Batch job submission failed: Words of a later version", 1, "unknown"),
        ("exit code -9", -9, "unknown"),
        ("Batch job submission failed: Invalid account", -9, "unknown"),
        ("sbatch: line 3: 4711 Killed (job limit)", 137, "unknown"),  # a site's own script around it
        ("Job/step already completing or completed", 1, "taken"),
    ],
)
def test_only_a_known_no_is_a_refusal(said: str, returncode: int, verdict: str) -> None:
    assert calls.verdict(said, returncode) == Verdict(verdict)


@pytest.mark.parametrize(
    "lost",
    [
        'echo "error: Socket timed out on send/recv" >&2; exit 1',
        "kill -PIPE $$",
        "kill -KILL $$",
        "echo 'the half'; kill -SEGV $$",
        "bash -c 'kill -BUS $$'; exit",  # in a site's own script
    ],
)
def test_a_question_whose_answer_got_lost_is_asked_again(
    lost: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command(tmp_path, "squeue", f"[ -e asked ] && exec echo here; touch asked; {lost}", monkeypatch)
    assert slurm.run(["squeue"], cwd=tmp_path) == "here\n"


def test_a_question_that_was_refused_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(tmp_path, "squeue", 'echo x >>asked; echo "error: Invalid user" >&2; exit 1', monkeypatch)
    with pytest.raises(slurm.SlurmError, match="Invalid user"):
        slurm.run(["squeue"], cwd=tmp_path)
    assert (tmp_path / "asked").read_text() == "x\n"


def test_a_submission_is_never_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(tmp_path, "sbatch", 'echo x >>asked; echo "error: Socket timed out" >&2; exit 1', monkeypatch)
    with pytest.raises(slurm.SlurmError) as failed:
        slurm.sbatch(Path("job.sh"), cwd=tmp_path)
    assert failed.value.verdict is Verdict.UNKNOWN
    assert (tmp_path / "asked").read_text() == "x\n"


@pytest.mark.parametrize(
    "script",
    ["echo 7", "echo '7;cluster'", "echo 'Welcome to the cluster, 17 jobs'; echo 7", "echo 7; kill -9 $$"],
    ids=["plain", "with the cluster", "behind a site's greeting", "killed after its answer"],
)
def test_a_job_id_that_was_said_counts(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(tmp_path, "sbatch", script, monkeypatch)
    assert slurm.sbatch(Path("job.sh"), cwd=tmp_path) == "7"


@pytest.mark.parametrize("script", ["true", "echo nonsense", "kill -9 $$", "sleep 9", "printf 47"])
def test_without_an_answer_nobody_knows(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "ONCE", calls.Patience(timeout_s=0.5, pauses_s=()))
    command(tmp_path, "sbatch", script, monkeypatch)
    with pytest.raises(slurm.SlurmError) as failed:
        slurm.sbatch(Path("job.sh"), cwd=tmp_path)
    assert failed.value.verdict is Verdict.UNKNOWN


def test_what_reaches_the_cluster_stays_and_options_go(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SLURM_CONF", "SLURM_JWT", "SBATCH_WAIT", "SQUEUE_STATES", "SACCT_FORMAT", "SLURM_CLUSTERS", "MINE"):
        monkeypatch.setenv(name, "x")
    seen = {line.partition("=")[0] for line in slurm.run(["env"], environment={"SLURM_TIME_FORMAT": "%s"}).split()}
    assert {"SLURM_CONF", "SLURM_JWT", "MINE", "SLURM_TIME_FORMAT"} <= seen
    assert not seen & {"SBATCH_WAIT", "SQUEUE_STATES", "SACCT_FORMAT", "SLURM_CLUSTERS"}


def test_a_step_still_knows_its_job() -> None:
    told = {"SLURM_JOB_ID": "7", "SLURM_NODELIST": "n1", "SLURM_TMPDIR": "/x", "SLURMD_NODENAME": "n1", "PATH": "/bin"}
    options = {"SLURM_TIMELIMIT": "1", "SLURM_EXPORT_ENV": "NONE", "SRUN_CONTAINER": "x", "SLURM_MEM_PER_NODE": "9"}
    assert environment.for_a_step(told | options) == told


@pytest.mark.parametrize("name", interference.VARIABLES)
def test_a_variable_of_the_manuals_reaches_no_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, interference.VARIABLES[name])
    assert f"{name}=" not in slurm.run(["env"])


def test_a_job_is_known_by_its_comment_wherever_slurm_prints_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, other = "chromplan:r001:abc:array.sh", "chromplan:r001:abc:tier-1.sh"
    printed = "\n".join(
        [
            f"12_[0-3]|a|name|{said} for the paper",
            f"11|imp|sbatch --comment={other} x.sh 'two",
            "13|not a row' of two lines",
            f"14+1|imp|{other}",
            "15|impute.r001.abc|(null)",
            "17|site_impute.r001.abc|(null)",
            "18|impute.r001.abc.chr1|(null)",
            "16|another|chromplan:r001:abd:array.sh",
        ]
    )
    (tmp_path / "printed").write_text(printed)
    command(tmp_path, "squeue", f"cat {tmp_path / 'printed'}", monkeypatch)
    found = slurm.find_jobs({said: "impute.r001.abc", other: other}, user=1000, since_s=60)
    assert found == {said: ["12", "15", "17"], other: ["11", "14"]}


@pytest.mark.parametrize(
    ("script", "hidden"),
    [
        ("echo 'PrivateData             = accounts,jobs,usage'", True),
        ("echo 'PrivateData             = none'", False),
        ("echo 'scontrol: error: Unable to contact slurm controller' >&2; exit 1", True),
    ],
    ids=["private", "open", "no answer"],
)
def test_jobs_of_others_may_be_hidden_unless_slurm_says_otherwise(
    script: str, hidden: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = f"echo 'Configuration data as of 2026-11-27T14:00:00'; {script}"
    command(tmp_path, "scontrol", answer, monkeypatch)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    assert slurm.hides_jobs_of(1001) is hidden
    assert not slurm.hides_jobs_of(1000)


@pytest.mark.parametrize(("said", "fails"), [("No error", False), ("Access/permission denied", True)])
def test_a_step_that_takes_long_to_end_is_no_error_and_one_that_may_not_be_ended_is(
    said: str, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("planner.slurm.steps._PAUSES_S", (0.0,))
    command(tmp_path, "squeue", "echo '12.3|chr1'", monkeypatch)
    script = f"echo x >>{tmp_path}/asked; echo 'scancel: error: Kill job error on job step id 12: {said}' >&2; exit 1"
    command(tmp_path, "scancel", script, monkeypatch)
    with pytest.raises(slurm.SlurmError, match="denied") if fails else contextlib.nullcontext():
        slurm.signal_step("12.3", "KILL")
    assert (tmp_path / "asked").read_text() == "x\nx\n"


def test_slurms_commands_without_a_cluster_are_told_from_a_cluster_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "scontrol: fatal: Could not establish a configuration source"
    command(tmp_path, "scontrol", f"echo '{said}' >&2; exit 1", monkeypatch)
    with pytest.raises(slurm.SlurmError, match="configuration source") as caught:
        slurm.settings()
    assert "no cluster is configured" in caught.value.hint
