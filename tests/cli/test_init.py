"""``chromplan init``: what it writes plans; what would not is refused at once, and asked for again."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from planner.cli import main

SCONTROL = """#!/bin/sh
cat <<'END'
Configuration data as of 2026-01-02T03:04:05
ClusterName             = toy
SLURM_VERSION           = 23.11.4
PartitionName=main Default=YES MaxTime=02:00:00 State=UP TotalNodes=2 Nodes=n1,n2
NodeName=n1 CPUTot=8 RealMemory=32000 State=IDLE Partitions=main
NodeName=n2 CPUTot=8 RealMemory=32000 State=IDLE Partitions=main
END
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, on a machine without Slurm."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "bash").symlink_to("/bin/bash")
    monkeypatch.setenv("PATH", str(programs))
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def chromplan(*arguments: str, code: int = 0) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == code


@pytest.fixture
def slurm(tmp_path: Path) -> None:
    """Put a Slurm that tells of itself on PATH."""
    for name in ("sinfo", "scontrol"):
        (tmp_path / "programs" / name).write_text(SCONTROL)
        (tmp_path / "programs" / name).chmod(0o755)
    (tmp_path / "programs" / "cat").symlink_to("/bin/cat")


def test_what_it_writes_without_any_answer_plans(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chromplan("init")
    assert "22 chromosomes, site local" in capsys.readouterr().out
    chromplan("plan")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--name", "my pipeline"), "pipeline.name: 'my pipeline' cannot name jobs and files"),
        (("--time", "soon"), "pipeline.time: 'soon' is not a time limit"),
        (("--time", "900-00:00:00", "--site", "cannon"), "too long for site cannon"),
        (("--chromosomes", "1-99"), "pipeline.chromosomes: "),
        (("--genome", "hg99"), "unknown genome 'hg99'"),
        (("--site", "canon"), "unknown site 'canon'"),
        (("--site", "cannon", "--partition", "none"), "no partition 'none'"),
        (("--samples", "none.txt"), "none.txt: no such file"),
        (("--sample", "a", "--sample", "a", "--command", "run {sample} {chromosome}"), "'a' is listed twice"),
        (("--sample", "a", "--samples", "x"), "--sample and --samples cannot be combined"),
        (("--command", "run everything"), "{chromosome} is missing"),
        (("--command", "run {chromosome"), "{chromosome} is missing"),
        (("--command", "if {chromosome}"), "bash cannot parse it"),
        (("--command", "run {chromosme}"), "unknown placeholder {chromosme}"),
    ],
)
def test_what_a_plan_would_refuse_is_not_written(
    here: Path, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    chromplan("init", *arguments, code=2)
    assert message in capsys.readouterr().err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("samples", [(), ("--sample", "S1", "--sample", "S2")])
@pytest.mark.parametrize("tool", ["beagle", "plink2", "mine", "bcftools-sort"])
def test_the_example_command_is_one_of_the_tool_and_is_called_an_example(
    here: Path, tool: str, samples: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    from planner.core import pipelines

    chromplan("init", "--tool", tool, *samples)
    command = pipelines.load(here / "chromplan.toml").pipeline.command
    assert command.startswith(f"{tool} ")
    assert f"its command is an example, to be replaced by yours: {command}" in capsys.readouterr().out
    chromplan("plan")


def test_a_command_that_was_given_is_not_called_an_example(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    chromplan("init", "--tool", "mine", "--command", "run {chromosome}")
    assert "example" not in capsys.readouterr().out


def test_a_sample_file_that_lies_there_is_found(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "samples.txt").write_text("S1\nS2\nS3\n")
    chromplan("init")
    assert "3 samples × 22 chromosomes" in capsys.readouterr().out
    assert 'samples = "samples.txt"' in (here / "chromplan.toml").read_text()
    chromplan("plan")


def test_where_slurm_is_its_site_is_detected_and_used(
    here: Path, slurm: None, capsys: pytest.CaptureFixture[str]
) -> None:
    chromplan("init")
    assert "site toy: wrote site_configs/toy.toml, detected from Slurm" in capsys.readouterr().err
    text = (here / "chromplan.toml").read_text()
    assert 'site = "toy"' in text
    assert 'time = "02:00:00"' in text, "the site allows no more"
    chromplan("plan")


def test_a_slurm_that_does_not_answer_is_said_to_be_there(
    here: Path, slurm: None, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("sinfo", "scontrol"):
        (here.parent / "programs" / name).write_text("#!/bin/sh\necho 'no permission' >&2; exit 1\n")
    chromplan("init")
    assert "Slurm is here, but does not answer" in capsys.readouterr().err
    chromplan("plan")
    assert "note: the site is 'local', this machine, though Slurm is here" in capsys.readouterr().out


def test_a_project_elsewhere_uses_its_own_site_files(
    here: Path, slurm: None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chromplan("init")
    monkeypatch.chdir(here.parent)
    chromplan("plan", "-C", "project")
    assert "on toy" in capsys.readouterr().out


def test_a_command_with_any_quotes_is_written_as_it_is(here: Path) -> None:
    from planner.core import pipelines

    bash = "echo '''{chromosome}''' \"\\n\" \\t"
    chromplan("init", "--command", bash)
    assert pipelines.load(here / "chromplan.toml").pipeline.command == bash


def converse(answers: list[str], cwd: Path) -> str:
    """Run init at a terminal and type the answers, one after each question."""
    parent, child = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "planner", "init"], cwd=cwd, stdin=child, stdout=child, stderr=child, close_fds=True
    )
    os.close(child)
    said = ""
    for answer in [*answers, ""]:
        asked = said
        while not said[len(asked) :].rstrip(" ").endswith("]:"):
            try:
                said += os.read(parent, 4096).decode()
            except OSError:
                break
        if answer:
            os.write(parent, f"{answer}\n".encode())
    process.wait()
    os.close(parent)
    return said


def test_each_answer_is_checked_at_once_and_asked_for_again(here: Path) -> None:
    said = converse(
        [
            "my pipeline",
            "mine",
            "S1,S1",
            "S1,S2",
            "bea gle",
            "beagle",
            "run {chromosome}",
            "run {task}",
            "canon",
            "cannon",
        ],
        here,
    )
    for wrong in ("'my pipeline' cannot name", "'S1' is listed twice", "'bea gle' cannot name", "{sample} is missing"):
        assert wrong in said
    assert "error: unknown site 'canon'\nhint: did you mean cannon?" in said.replace("\r\n", "\n")
    assert "error: chromplan.toml" not in said, "it is not there yet"
    text = (here / "chromplan.toml").read_text()
    assert all(line in text for line in ('name = "mine"', 'samples = ["S1", "S2"]', "run {task}", 'site = "cannon"'))


def test_who_leaves_is_answered_on_a_line_of_its_own_and_nothing_is_written(here: Path) -> None:
    said = converse(["mine", "\x04"], here).replace("\r\n", "\n")
    assert "]: \n" in said
    assert said.endswith("\ninterrupted\n")
    assert list(here.iterdir()) == []
