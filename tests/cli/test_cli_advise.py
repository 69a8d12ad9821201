"""``chromplan advise``: no project, no configuration, nothing written."""

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import past_arrays
import pytest
from outside import shared_data
from past_arrays import Job, by_chromosome, killed

from planner.actions import advising
from planner.cli import main
from planner.core.errors import InputError
from planner.history.sacct.read import DELIMITER, ENVIRONMENT

FIXTURES = Path(__file__).parent.parent / "history" / "fixtures"
CORPUS = shared_data("sacct_corpus")


def chromplan(*arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(["advise", *arguments])
    captured = capsys.readouterr()
    assert isinstance(ended.value.code, int)
    return ended.value.code, captured.out, captured.err


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "jobs.txt").write_text(past_arrays.text(*by_chromosome()))
    return tmp_path


def test_22_elements_fit_one_screen_of_80_columns(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = chromplan("jobs.txt", capsys=capsys)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert len(out.splitlines()) < 50
    lines = out.splitlines()
    assert lines[0].startswith("array 4711 impute.sh, 22 x 7000 MB: 20 completed, 2 oom")
    (third,) = (line for line in lines if line.startswith("3 "))
    assert "█" in third
    assert "░" in third
    (first,) = (line for line in lines if line.startswith("1 "))
    assert "≥ 7000  killed" in first
    assert "by chromosome: peaks follow the lengths" in out
    assert out.rstrip().endswith("chromplan sbatch --array=1-22 impute.sh NA12878")
    assert list(folder.iterdir()) == [folder / "jobs.txt"]


def test_a_locale_of_c_gets_ascii(folder: Path) -> None:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        [sys.executable, "-m", "planner", "advise", "jobs.txt"], env=environment, cwd=folder, capture_output=True
    )
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert b"#####." in done.stdout


def test_many_elements_are_counted_by_tenths(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [Job(id=f"7_{index}", peak_mb=1000 + 3 * index % 700) for index in range(1, 61)]
    jobs[8] = killed(jobs[8])
    (folder / "many.txt").write_text(past_arrays.text(*jobs))
    _, out, _ = chromplan("many.txt", capsys=capsys)
    assert "10-20 %" in out
    assert "not completed, or not at the first attempt: 9 oom" in out
    assert len(out.splitlines()) < 40
    _, out, _ = chromplan("many.txt", "--all", capsys=capsys)
    assert len(out.splitlines()) > 60


def test_several_arrays_are_listed_the_most_wasteful_first(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [
        Job(id=f"{job}_{index}", limit_mb=1000 * job, name=f"step{job}.sh") for job in (7, 8, 9, 10) for index in (1, 2)
    ]
    (folder / "several.txt").write_text(past_arrays.text(*jobs))
    _, out, _ = chromplan("several.txt", capsys=capsys)
    assert [line.split()[0] for line in out.splitlines()[1:5]] == ["10", "9", "8", "7"]
    assert "in detail: chromplan advise 10;" in out


def test_ids_and_names_choose_from_a_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = [Job(id=f"{job}_{index}", name=f"step{job}.sh") for job in (7, 8) for index in (1, 2)]
    (folder / "two.txt").write_text(past_arrays.text(*jobs))
    for arguments in (("two.txt", "8"), ("two.txt", "--name", "step8.sh")):
        _, out, _ = chromplan(*arguments, capsys=capsys)
        assert out.startswith("array 8 step8.sh, 2 x 8000 MB: 2 completed")
    code, _, err = chromplan("two.txt", "9", capsys=capsys)
    assert (code, err) == (
        2,
        "error: none of two.txt, 9 is there\nhint: leave out names and ids to see every job that is there\n",
    )


def test_standard_input_is_read(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "planner", "advise", "-"],
        input=(folder / "jobs.txt").read_text(),
        capture_output=True,
        text=True,
    )
    assert done.stdout.startswith("array 4711 impute.sh, 22 x 7000 MB")


def test_json_holds_every_number(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = chromplan("jobs.txt", "--json", capsys=capsys)
    (array,) = json.loads(out)["arrays"]
    assert array["outcomes"] == {"oom": 2, "completed": 20}
    assert array["asked_mb"] == [7000, 7000]
    assert len(array["elements"]) == array["compared"] == 22
    assert [one["way"] for one in array["ways"]] == ["as asked", "one --mem", "tiers", "each its own", "peaks known"]
    memory = array["memory_gb_h"]
    assert memory["reserved"] == pytest.approx(sum(memory[one] for one in ("used", "idle", "killed")))
    assert memory["wasted"] == pytest.approx(sum(one["wasted_gb_h"] for one in array["elements"]))
    assert array["next_time"]["chromplan_sbatch"] == "chromplan sbatch --array=1-22 impute.sh NA12878"


def test_csv_has_a_line_per_element(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = chromplan("jobs.txt", "--csv", capsys=capsys)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["element"] for row in rows] == [str(index) for index in range(1, 23)]
    assert {row["outcome"] for row in rows} == {"oom", "completed"}
    code, _, err = chromplan("jobs.txt", "--csv", "--json", capsys=capsys)
    assert code == 2
    assert err.startswith("error: --json and --csv cannot be combined")


def test_a_single_job_is_advised_on(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "one.txt").write_text(past_arrays.text(Job(id="7", peak_mb=2000, line="sbatch run.sh")))
    _, out, _ = chromplan("one.txt", capsys=capsys)
    assert out.startswith("job 7 impute.sh, 8000 MB: 1 completed\n")
    assert "#SBATCH --mem=2200M" in out
    assert "chromplan sbatch run.sh" in out


def test_peaks_that_are_not_believed_are_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "short.txt").write_text(past_arrays.text(*(Job(id=f"7_{index}", wall_s=20) for index in range(1, 6))))
    _, out, _ = chromplan("short.txt", capsys=capsys)
    assert "5 peaks not believed: fewer than 3 polls" in out
    assert "no peak is on record" in out
    _, out, _ = chromplan("short.txt", "--poll", "5", capsys=capsys)
    assert "not believed" not in out


@pytest.mark.parametrize("name", sorted(path.name for path in FIXTURES.iterdir() if "nextflow" not in path.name))
@pytest.mark.parametrize("form", [(), ("--json",), ("--csv",), ("--all",)])
def test_every_shape_of_accounting_is_advised_on(
    name: str, form: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = chromplan(str(FIXTURES / name), *form, capsys=capsys)
    assert (code, err) == (0, "")
    assert out


@pytest.mark.skipif(not CORPUS, reason="no corpus of other people's output")
def test_other_peoples_output_is_advised_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert CORPUS is not None
    for path in sorted(CORPUS.glob("*.txt")):
        code, out, err = chromplan(str(path), capsys=capsys)
        assert (code == 0 and out) or (code == 2 and err.startswith("error:") and len(err.splitlines()) == 2), path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.txt",), "error: nowhere.txt: neither a job id nor a file"),
        (("jobs.txt", "--since", "now-1days"), "error: --since, --user and --clusters are for sacct"),
        (("empty.txt",), "error: empty.txt, line 1: no attempt could be read"),
        (("jobs.txt", "--genome", "mm8"), "error: unknown genome 'mm8'"),
    ],
)
def test_what_cannot_be_is_two_lines(
    folder: Path, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "empty.txt").write_text("")
    code, out, err = chromplan(*arguments, capsys=capsys)
    assert (code, out) == (2, "")
    assert err.startswith(said)
    assert len(err.splitlines()) == 2


TOP = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("page", ["README.md", "docs/advise.md"])
def test_what_the_docs_show_is_what_is_printed(page: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = chromplan(str(TOP / "examples" / "data" / "sacct_array.txt"), capsys=capsys)
    shown = (TOP / page).read_text().partition("```\narray 4711")[2].partition("\n```")[0]
    lines = f"array 4711{shown}".splitlines()
    assert len(lines) > 15
    assert [line for line in lines if line != "…" and line not in out.splitlines()] == []


# --- what sacct is asked ------------------------------------------------------------------------------------------

SACCT = """#!/bin/sh
echo "$*" >> "$CALLS"
case "$OLD$*" in
old*SubmitLine*) echo 'sacct: error: Invalid field requested: "SubmitLine"' >&2; exit 1;;
esac
[ -z "$SLURM_TIME_FORMAT" ] || cat "$ANSWER"
"""


@pytest.fixture
def sacct(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program called sacct first on the PATH, which notes its words and prints a file."""
    program = tmp_path / "bin" / "sacct"
    program.parent.mkdir()
    program.write_text(SACCT)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("ANSWER", str(tmp_path / "answer"))
    return tmp_path


def answer(folder: Path, *lines: dict[str, Any], old: bool = False) -> None:
    from planner.history.sacct.read import FIELDS

    fields = [FIELDS[0], "TotalCPU", *FIELDS[1:], *([] if old else ["SubmitLine"])]
    rows = [DELIMITER.join(str(line.get(field, "")) for field in fields) for line in lines]
    (folder / "answer").write_text("".join(f"{row}\n" for row in rows))


JOB = {
    "JobID": "7_1",
    "State": "COMPLETED",
    "ReqMem": "4000M",
    "AllocCPUS": 2,
    "ElapsedRaw": 600,
    "Submit": 1767225600,
    "Start": 1767225600,
    "JobName": "run.sh",
    "SubmitLine": "sbatch --comment=a\n\nb run.sh",
}
STEP = {**JOB, "JobID": "7_1.batch", "MaxRSS": "1024000K", "JobName": "batch", "SubmitLine": ""}


def test_one_call_asks_for_all_ids(sacct: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(sacct, JOB, STEP, {**JOB, "JobID": "7_2"})
    _, out, err = chromplan("7", "8_[1-3]", "9+1", "--json", capsys=capsys)
    assert err == ""
    (call,) = (sacct / "calls").read_text().splitlines()
    assert "-j 7,8,9" in call
    assert "--user" not in call
    (array,) = json.loads(out)["arrays"]
    assert [one["element"] for one in array["elements"]] == ["1", "2"]
    assert array["next_time"]["chromplan_sbatch"] == "chromplan sbatch --comment=a b run.sh"
    assert ENVIRONMENT["SLURM_TIME_FORMAT"] == "%s"


def test_how_often_memory_is_sampled_is_asked_of_slurm_and_read_from_the_jobs_own_command(
    sacct: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = {"ElapsedRaw": 20}
    answer(sacct, JOB | short, STEP | short)
    # no scontrol here, or one that does not answer: Slurm's own 30 s
    assert "1 peak not believed" in chromplan("7", capsys=capsys)[1]
    scontrol = sacct / "bin" / "scontrol"
    scontrol.write_text(
        "#!/bin/sh\necho 'Configuration data as of 2026-11-27T06:00:00'\n"
        "echo 'JobAcctGatherFrequency = task=5,energy=30'\n"
    )
    scontrol.chmod(0o755)
    assert "not believed" not in chromplan("7", capsys=capsys)[1]
    assert "1 peak not believed" in chromplan("7", "--poll", "30", capsys=capsys)[1]
    scontrol.write_text("#!/bin/sh\necho 'slurm_load_ctl_conf error: Unable to contact slurm controller' >&2\nexit 1\n")
    assert "1 peak not believed" in chromplan("7", capsys=capsys)[1]
    answer(sacct, JOB | short | {"SubmitLine": "sbatch --acctg-freq=energy=30,task=1 run.sh"}, STEP | short)
    assert "not believed" not in chromplan("7", capsys=capsys)[1]


def test_without_anything_it_is_the_last_week_of_ones_own_jobs(sacct: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import pwd

    answer(sacct, JOB, STEP)
    assert chromplan(capsys=capsys)[0] == 0
    (call,) = (sacct / "calls").read_text().splitlines()
    assert f"--user {pwd.getpwuid(os.getuid()).pw_name} -S now-7days -E now" in call


def test_a_user_without_a_name_on_the_machine_gives_job_ids(
    sacct: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer(sacct, JOB, STEP)
    monkeypatch.setattr(os, "geteuid", lambda: 3_999_999_999)
    code, _, err = chromplan(capsys=capsys)
    assert (code, err) == (
        2,
        "error: your account has no name on this machine, so sacct cannot look for it\nhint: give job ids\n",
    )
    assert chromplan("7", capsys=capsys)[0] == 0


def test_a_sacct_that_keeps_no_command_lines_is_asked_without(
    sacct: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLD", "old")
    answer(sacct, JOB, STEP, old=True)
    code, out, _ = chromplan("7", capsys=capsys)
    assert code == 0
    assert "chromplan sbatch --array=1 run.sh" in out


def test_jobs_that_accounting_does_not_know(sacct: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer(sacct)
    code, _, err = chromplan("7", capsys=capsys)
    assert (code, err.splitlines()[0]) == (2, "error: accounting has no job 7")
    _, _, err = chromplan("--name", "run.sh", "--since", "now-2days", "--user", "eve", capsys=capsys)
    assert err.splitlines()[0] == "error: accounting has no job called run.sh of eve since now-2days"


def test_without_slurm_saved_output_is_what_helps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    from planner.core.errors import FailureError

    with pytest.raises(FailureError, match="sacct: not found") as failed:
        advising.ask(advising.Question(targets=("7",)))
    assert "chromplan advise jobs.txt" in failed.value.hint


def test_too_many_ids_are_refused(sacct: Path) -> None:
    answer(sacct)
    with pytest.raises(InputError, match="2001 ids"):
        advising.ask(advising.Question(targets=tuple(str(number) for number in range(1, 2002))))
