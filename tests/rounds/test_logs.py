"""The last line of a log that says something, and where the logs lie."""

from pathlib import Path

import pytest

from planner.core.files import tail
from planner.rounds.logs import RoundLogs, last_line

SLURM_DIES = """
srun: error: n1: task 0: Exited with exit code 3
srun: Terminating StepId=12.0
slurmstepd: error: *** JOB 12 ON n1 CANCELLED AT 2026-11-26T23:00:00 DUE TO TIME LIMIT ***
slurmstepd-n1: error: Detected 1 oom-kill event(s) in StepId=12.batch. Some of your processes may have been killed.
slurmstepd-n1: error: StepId=18.batch exceeded memory limit (171175936 > 157286400), being killed
slurmstepd-n1: error: no task list created!
[2026-11-26T21:04:03.317] error: StepId=47.0 exceeded memory limit (171175936 > 157286400), being killed
[2026-11-26T21:04:03.317] error: *** JOB 47 ON n1 CANCELLED AT 2026-11-26T21:04:03 DUE TO TIME LIMIT ***
srun: error: n1: task 0: Out Of Memory
slurmstepd: error: kill(1234, 15) - No such process
srun: got SIGCONT
srun: Job step aborted: Waiting up to 32 seconds for job step to finish.
/var/spool/slurmd/job12/slurm_script: line 14:  1234 Killed                  beagle gt=x
rounds/r001/command.sh: line 3: 77 Segmentation fault      (core dumped) tool
Killed
"""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("one\ntwo\n", "two"),
        ("the file is not there\n\n   \n", "the file is not there"),
        ("  indented\t\n", "indented"),
        ("cannot open x.vcf\n" + SLURM_DIES, "cannot open x.vcf"),
        (SLURM_DIES, None),
        ("", None),
        ("\n\n", None),
        ("s1.chr4: 292 MB on node17\n", None),
        ("reading\n 45%|████▌     | 45/100 [00:10<00:12,  4.3it/s]\n", "reading"),
        ("phasing\r 10 %\r 20 %\r\n", "phasing"),
        ("first\roverwritten by this\n", "overwritten by this"),
        ("start\n[=====>      ] 40%\n", "start"),
        ("\x1b[31mred alert\x1b[0m\n", "red alert"),
        (
            'Traceback (most recent call last):\n  File "a.py", line 3, in f\nValueError: no such region: chr24\n',
            "ValueError: no such region: chr24",
        ),
        (
            "java.lang.IllegalArgumentException: bad marker\n\tat beagle.Main.main(Main.java:12)\n\t... 3 more\n",
            "java.lang.IllegalArgumentException: bad marker",
        ),
        ("Error in file(con) : \n  cannot open the connection\nExecution halted\n", "cannot open the connection"),
        ("samtools: no index\nmake: *** [Makefile:3: all] Error 1\n", "samtools: no index"),
        ("slurmstepd: error: execve(): tool: No such file\n", "slurmstepd: error: execve(): tool: No such file"),
        ("half a line \ufffd here", "half a line \ufffd here"),
        ("a\x00b null and bell\x07\n", "a b null and bell"),
    ],
)
def test_the_last_line_that_says_something(text: str, said: str | None) -> None:
    assert last_line(text) == said


def test_logs_are_found_by_the_job_or_the_task_that_wrote_them(tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in (
        *("x.r001.abc_12_3.out", "x.r001.abc_12_13.out", "x.r001.abc.s1.chr1_15.out", "s1.chr1.16.out"),
        *("s1.chr2.17+1.out", "s1.chr4.local.out", "s1.chr5.drive.out", "x.batch-1_18.out", "other.txt"),
    ):
        (folder / name).touch()
    logs = RoundLogs(tmp_path)

    def found(task: str, job_id: str | None) -> str | None:
        path = logs.path(task, job_id)
        return path.name if path else None

    assert found("s1.chr9", "12_3") == "x.r001.abc_12_3.out"
    assert found("s1.chr9", "12_13") == "x.r001.abc_12_13.out"
    assert found("s1.chr1", "15") == "x.r001.abc.s1.chr1_15.out"
    assert found("s1.chr1", "16") == "s1.chr1.16.out"
    assert found("s1.chr2", "17+1") == "s1.chr2.17+1.out"
    assert found("s1.chr4", "local-4-1") == "s1.chr4.local.out"
    assert found("s1.chr5", "20.7") == "s1.chr5.drive.out"
    # its step has not begun: what its job says
    assert found("s1.chr6", "18") == "x.batch-1_18.out"
    assert found("s1.chr6", "99") is None
    assert found("s1.chr6", None) is None
    assert RoundLogs(tmp_path / "nowhere").path("s1.chr1", "15") is None


def test_only_the_end_of_a_log_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"x" * 100_000 + b"\nthe end\n")
    assert len(tail(log)) < 100_000
    assert last_line(tail(log)) == "the end"
    assert tail(tmp_path / "none") == ""
    assert tail(tmp_path) == ""


def test_what_bash_says_of_a_process_that_is_gone_already_is_not_the_last_word() -> None:
    text = "reading chunk 7\n/var/spool/slurmd/job00005/slurm_script: line 34: kill: (4711) - No such process\n"
    assert last_line(text) == "reading chunk 7"
