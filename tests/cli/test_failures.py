"""What the system refuses: two lines with the cause and the path, never 'this is a defect'."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

from planner.cli import cli, main

ROOT = os.geteuid() == 0
TOML = """
[pipeline]
name = "p"
tool = "t"
chromosomes = "20-22"
command = "echo {chromosome}"

[memory]
default_mb = "100M"
"""
HISTORY = "task,chromosome,peak_mb,wall_s\nchr1,1,300,10\nchr2,2,280,9\nchr22,22,60,3\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


def make_project(folder: Path) -> Path:
    folder.mkdir()
    (folder / "chromplan.toml").write_text(TOML)
    (folder / "history.csv").write_text(HISTORY)
    return folder


def chromplan(
    *arguments: str, cwd: Path, before: tuple[str, ...] = (), env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [*before, sys.executable, "-m", "planner", *arguments]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True)


def two_lines(done: subprocess.CompletedProcess[str]) -> str:
    """Return the error of a command that failed as it should."""
    assert done.returncode in (1, 2), done.stdout + done.stderr
    assert re.fullmatch(r"error: [^\n]+\nhint: [^\n]+\n", done.stderr), done.stderr
    assert "defect" not in done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


IMPORT = ("history", "import", "history.csv", "--tool", "t")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return what mounts a file system of its own with these options, or skip where that is not allowed."""
    mounted: list[Path] = []

    def mount(options: str) -> Path:
        folder = tmp_path / f"disk{len(mounted)}"
        folder.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True)
        if done.returncode:
            pytest.skip("no file system may be mounted here")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", "-l", folder], check=True)


@pytest.mark.skipif(not ROOT, reason="only root mounts")
@pytest.mark.parametrize("arguments", [IMPORT, ("plan",), ("order", "-k", "4", "--plot", "order.svg")])
def test_a_full_disk_is_called_one(small_disk: Callable[[str], Path], arguments: tuple[str, ...]) -> None:
    project = make_project(small_disk("size=64k") / "project")
    with (project / "filling").open("wb", buffering=0) as stream, pytest.raises(OSError):
        while True:
            stream.write(b"x" * 4096)
    said = two_lines(chromplan(*arguments, cwd=project))
    assert re.match(r"error: \S+: the disk is full", said)
    assert "rollback" not in said
    assert (project / "chromplan.toml").read_text() == TOML


@pytest.mark.skipif(not ROOT, reason="only root mounts")
@pytest.mark.parametrize("arguments", [IMPORT, ("plan",)])
def test_a_disk_without_inodes_is_called_one(small_disk: Callable[[str], Path], arguments: tuple[str, ...]) -> None:
    project = make_project(small_disk("size=1m,nr_inodes=5") / "project")
    with pytest.raises(OSError):
        for number in range(9):
            (project / f"{number}").touch()
    assert "no inodes are left" in two_lines(chromplan(*arguments, cwd=project))


@pytest.mark.skipif(not ROOT, reason="only root mounts")
@pytest.mark.parametrize(
    "arguments", [(*IMPORT[:-1], "u"), ("plan",), ("fit",), ("report",), ("init", "--force", "--site", "local")]
)
def test_a_read_only_file_system_is_called_one(small_disk: Callable[[str], Path], arguments: tuple[str, ...]) -> None:
    project = make_project(small_disk("size=1m") / "project")
    assert chromplan(*IMPORT, cwd=project).returncode == 0
    subprocess.run(["mount", "-o", "remount,ro", project.parent], check=True)
    assert "the file system is read-only" in two_lines(chromplan(*arguments, cwd=project))


# a root that may not write what is another's
POWERLESS = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")


@pytest.mark.skipif(not (ROOT and shutil.which("setpriv")), reason="only root gives files away")
@pytest.mark.parametrize("arguments", [IMPORT, ("plan",), ("init", "--force", "--site", "local"), ("fit",)])
def test_a_folder_of_another_user_is_said_to_be_theirs(project: Path, arguments: tuple[str, ...]) -> None:
    for path in (project, *project.iterdir()):
        os.chown(path, 65534, 65534)
    said = two_lines(chromplan(*arguments, cwd=project, before=POWERLESS))
    assert "permission denied" in said
    assert "belongs to nobody" in said


@pytest.mark.skipif(not (ROOT and shutil.which("setpriv")), reason="root may write anything")
def test_a_folder_of_ones_own_that_may_not_be_written_says_how_to_allow_it(project: Path) -> None:
    project.chmod(0o555)
    said = two_lines(chromplan("plan", cwd=project, before=POWERLESS))
    assert f"hint: allow it: chmod u+rwx {project}" in said


@pytest.mark.parametrize("name", ["plan.json", "local.jsonl", "manifest.tsv", "submission.json"])
@pytest.mark.parametrize("content", [b"\xe9\xe8\n", b"\xff\xfea\0", b"\x9c\x01\xfc"])
def test_a_rounds_file_of_odd_bytes_is_named(project: Path, name: str, content: bytes) -> None:
    assert chromplan("plan", cwd=project).returncode == 0
    (project / "rounds/r001" / name).write_bytes(content)
    assert f"error: rounds/r001/{name}: not UTF-8 text" in two_lines(chromplan("status", "--offline", cwd=project))


@pytest.mark.skipif(not (ROOT and shutil.which("setpriv")), reason="root may read anything")
@pytest.mark.parametrize("name", ["rounds", "rounds/r001", ".chromplan"])
@pytest.mark.parametrize("command", ["plan", "status", "next"])
def test_a_folder_that_may_not_be_looked_into_is_not_taken_for_empty(project: Path, name: str, command: str) -> None:
    assert chromplan(*IMPORT, cwd=project).returncode == 0
    assert chromplan("plan", cwd=project).returncode == 0
    (project / name).chmod(0)
    said = two_lines(chromplan(command, cwd=project, before=POWERLESS))
    (project / name).chmod(0o755)
    assert f"{name}" in said
    assert "permission denied" in said
    assert re.search(rf"hint: allow it: chmod u\+rwx \S*{name}\n", said), said


@pytest.mark.skipif(not (ROOT and shutil.which("setpriv")), reason="root may write anything")
def test_who_may_only_read_a_project_sees_its_status(project: Path) -> None:
    project.chmod(0o555)
    done = chromplan("status", cwd=project, before=POWERLESS)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no round is planned yet" in done.stdout


@pytest.mark.parametrize("name", [".chromplan", "rounds", ".chromplan/models"])
def test_a_file_in_the_place_of_a_folder_is_named(project: Path, name: str) -> None:
    chromplan(*IMPORT, cwd=project)
    chromplan("fit", cwd=project)
    subprocess.run(["rm", "-rf", project / name], check=True)
    (project / name).write_text("")
    said = two_lines(chromplan("fit" if "models" in name else "plan", cwd=project))
    assert f"{name}: a file, where a folder is needed" in said


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("render",), ("submit",), ("run", "--local"), ("ingest",), ("logs", "chr22"), ("cancel",)],
)
@pytest.mark.parametrize("name", ["rounds", "rounds/r001"])
def test_a_file_in_the_place_of_a_round_is_never_taken_for_none(
    project: Path, name: str, arguments: tuple[str, ...]
) -> None:
    (project / name).parent.mkdir(exist_ok=True)
    (project / name).write_text("")
    assert f"{name}: a file, where a folder is needed" in two_lines(chromplan(*arguments, cwd=project))


def test_a_file_given_as_the_project_is_answered_with_its_folder(project: Path) -> None:
    said = two_lines(chromplan("plan", "-C", "project/chromplan.toml", cwd=project.parent))
    assert "error: --project: project/chromplan.toml: a file, where a folder is needed\n" in said
    assert said.endswith("hint: give its folder: project\n")


@pytest.mark.parametrize("arguments", [("history", "import", "odd", "--tool", "t"), ("advise", "odd")])
@pytest.mark.parametrize("content", [b"\x00\xff\r\x80" * 99, b'JobID|State\n1|a\rb"c|\r2', b"\r\r|\r\x1b,\r\r;\n"])
def test_bytes_that_are_no_table_are_never_a_defect(project: Path, content: bytes, arguments: tuple[str, ...]) -> None:
    (project / "odd").write_bytes(content)
    assert "odd" in two_lines(chromplan(*arguments, cwd=project))


@pytest.mark.parametrize("command", ["status", "watch", "ingest"])
def test_a_folder_that_is_no_project_is_said_to_be_none(tmp_path: Path, command: str) -> None:
    done = chromplan(command, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("no project is here")


@pytest.mark.parametrize("command", ["next", "render", "submit", "run --local", "drive", "logs chr1", "cancel"])
def test_what_works_on_rounds_needs_a_project_and_names_the_runs_of_scripts(tmp_path: Path, command: str) -> None:
    home = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), "HOME": str(tmp_path)}
    said = two_lines(chromplan(*command.split(), cwd=tmp_path, env=home))
    assert said.startswith("error: chromplan.toml: no such file\nhint: 'chromplan init' writes")
    run = tmp_path / "data/chromplan/runs/3.impute"
    (run / "rounds/r001").mkdir(parents=True)
    (run / "rounds/r001/submission.json").touch()
    assert "the last one is -C 3" in two_lines(chromplan(*command.split(), cwd=tmp_path, env=home))


def test_a_task_of_no_round_is_answered_with_what_to_run(project: Path) -> None:
    assert two_lines(chromplan("logs", "", cwd=project)).endswith("hint: run 'chromplan plan' first\n")


# every argument and option that takes a file, {} in its place
TAKING_A_FILE = [
    "advise {}",
    "advise history.csv --html {}",
    "init --force --site local --samples {}",
    "init --force --site {}",
    "site check {}",
    "site show {}",
    "site detect --from {}",
    "site detect -o {}",
    "history import {} --tool t",
    "history import history.csv --tool t --store {}/history.sqlite",
    "history export --out {}",
    "history merge {}",
    "fit --symbolic --table {}",
    "fit --symbolic --table history.csv --out {}",
    "formula show {}",
    "formula check {}",
    "formula check beagle --table {}",
    "formula export {} --to python",
    "formula export beagle --to python -o {}",
    "order --table {}",
    "order --genome {}",
    "order --plot {}",
    "simulate --table {} --tool t",
    "simulate --table history.csv --tool t --plot {}",
    "plan --plot {}",
    "export {} --to snakemake",
    "report -o {}",
    "wrap {}",
    "wrap --map {} job.sh",
    "sbatch {}",
    "sbatch --map {} job.sh",
]
READ = [line for line in TAKING_A_FILE if not re.search(" (--html|-o|--out|--store|--plot) ", line)]


@pytest.fixture
def in_its_place(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[[str, str], str]:
    """Return what runs a line above with a path, and returns the error that it must end with."""
    (project / "job.sh").write_text("#!/bin/bash\n#SBATCH --array=1-2\necho chr$SLURM_ARRAY_TASK_ID\n")
    monkeypatch.chdir(project)
    monkeypatch.setenv("CHROMPLAN_STORE", "")  # --store sets it

    def run(line: str, path: str) -> str:
        with pytest.raises(SystemExit) as ended:
            main([word.format(path) for word in line.split()])
        said = capsys.readouterr().err
        assert ended.value.code == 2, said
        assert re.fullmatch(r"error: [^\n]+\nhint: [^\n]+\n", said), said
        assert path.partition("/")[0] in said
        assert not list(project.glob("rounds/*"))
        return said

    return run


@pytest.mark.parametrize("line", TAKING_A_FILE)
def test_a_folder_given_for_a_file_is_an_input_error(
    project: Path, in_its_place: Callable[[str, str], str], line: str
) -> None:
    (project / "folder/history.sqlite").mkdir(parents=True)
    in_its_place(line, "folder")


@pytest.mark.parametrize("line", [*READ, "formula export beagle --to python -o {}"])
def test_a_path_below_a_file_is_an_input_error(in_its_place: Callable[[str, str], str], line: str) -> None:
    in_its_place(line, "history.csv/x")


@pytest.mark.parametrize("line", READ)
def test_a_file_that_is_not_there_is_an_input_error(in_its_place: Callable[[str, str], str], line: str) -> None:
    in_its_place(line, "missing")


@pytest.mark.parametrize("command", ["plan", "order", "simulate --table history.csv --tool t"])
def test_a_plot_of_no_known_format_is_refused_before_anything_is_done(
    in_its_place: Callable[[str, str], str], command: str
) -> None:
    assert "name it .png, .svg or .pdf" in in_its_place(f"{command} --plot {{}}", "timeline.gif")


def test_every_path_that_a_command_takes_is_tried() -> None:
    """An option of a file that is added has its lines above."""

    def files(command: click.Command, name: str) -> Iterator[tuple[str, str]]:
        if isinstance(command, click.Group):
            for one in command.list_commands(click.Context(command)):
                below = command.get_command(click.Context(command), one)
                assert below
                yield from files(below, f"{name} {one}".strip())
            return
        for param in command.params:
            if isinstance(param.type, click.Path) and param.type.dir_okay is False:
                yield name, "" if isinstance(param, click.Argument) else param.opts[0]

    tried = {(name, option) for name, option in files(cli, "") if option not in ("--store", "")}
    untried = {
        (name, option)
        for name, option in tried
        if not any(line.startswith(f"{name} ") and f" {option} " in f"{line} " for line in TAKING_A_FILE)
    }
    assert untried == set()


@pytest.mark.skipif(not (ROOT and shutil.which("setpriv")), reason="root may read anything")
@pytest.mark.parametrize("arguments", [IMPORT, ("wrap", "history.csv"), ("simulate", "--table", "history.csv")])
def test_a_file_that_may_not_be_read_says_how_to_allow_it(project: Path, arguments: tuple[str, ...]) -> None:
    (project / "history.csv").chmod(0)
    said = two_lines(chromplan(*arguments, cwd=project, before=POWERLESS))
    assert re.search("history.csv: (cannot be read: P|p)ermission denied", said)
    assert re.search(r"hint: allow it: chmod u\+rw \S*history.csv", said)


def test_the_plan_of_a_round_that_was_started_is_not_said_to_be_written_anew(project: Path) -> None:
    assert chromplan("plan", cwd=project).returncode == 0
    plan = project / "rounds/r001/plan.json"
    plan.write_text(plan.read_text()[:100])
    assert "'chromplan plan' writes it anew" in two_lines(chromplan("status", "--offline", cwd=project))
    (project / "rounds/r001/local.jsonl").write_text("")
    for change in (lambda: None, plan.unlink):
        change()
        for arguments in (("status", "--offline"), ("next",), ("plan",)):
            said = two_lines(chromplan(*arguments, cwd=project))
            assert "rounds/r001/plan.json: " in said
            assert "restore it from a copy" in said
            assert "anew" not in said


@pytest.mark.parametrize("name", ["chromplan.toml", ".chromplan/history.sqlite", "rounds/r001/plan.json"])
def test_a_folder_in_the_place_of_a_file_is_named(project: Path, name: str) -> None:
    subprocess.run(["rm", "-rf", project / name], check=True)
    (project / name).mkdir(parents=True)
    arguments = ("render",) if "rounds" in name else ("plan",)
    assert f"{name}: a folder" in two_lines(chromplan(*arguments, cwd=project))


@pytest.mark.parametrize("command", ["plan", "init", "status", "fit"])
def test_a_working_directory_that_is_gone_is_said_to_be(tmp_path: Path, command: str) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"rmdir {gone}; {sys.executable} -m planner {command} </dev/null"
    done = subprocess.run(["bash", "-c", script], cwd=gone, capture_output=True, text=True)
    assert "working directory is gone" in two_lines(done) or "no such file" in done.stderr


def test_a_disk_that_fills_while_printing_is_no_defect(project: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full")
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "planner", "site", "list"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, cwd=project)
    assert done.stderr.startswith("error: the disk is full")
    assert "Traceback" not in done.stderr


def test_closed_output_is_no_defect(project: Path) -> None:
    script = f"{sys.executable} -m planner site list >&- 2>&-"
    assert subprocess.run(["bash", "-c", script], cwd=project).returncode == 0


ODD = [b"", b"\xff\xfe\x00odd", b"{}", b"[]", b"null", b'{"a": 1}', b"a\tb\n1\t2\n", b"\x00" * 64]
OWN = ["chromplan.toml", ".chromplan/history.sqlite", ".chromplan/models/t.json", "rounds/r001/plan.json"]
OWN += ["rounds/r001/manifest.tsv", "rounds/r001/submission.json", "rounds/r001/local.jsonl"]
COMMAND_LINES = [("plan",), ("render",), ("status", "--offline"), ("fit",), ("history", "show"), ("next",), ("ingest",)]


@pytest.mark.slow
@pytest.mark.parametrize("name", OWN)
def test_odd_bytes_in_our_own_files_are_never_a_defect(
    project: Path, name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit):
            main(list(arguments))
        return capsys.readouterr().err

    run(*IMPORT), run("fit"), run("plan"), run("render")
    kept = Path(name).read_bytes() if Path(name).exists() else None
    for odd in ODD:
        for arguments in COMMAND_LINES:
            Path(name).parent.mkdir(parents=True, exist_ok=True)
            Path(name).write_bytes(odd)
            said = run(*arguments)
            assert "defect" not in said, (arguments, odd, said)
        if kept is not None:
            Path(name).write_bytes(kept)


def test_ctrl_c_is_seen_to_before_anything_of_ours_is_imported() -> None:
    script = "import sys; known = set(sys.modules); import planner; print(*sorted(set(sys.modules) - known))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) - {"__future__"} == {"planner"}  # coverage brings __future__ itself


@pytest.mark.parametrize(
    "module", ["planner.cli", "click", "planner.core.errors", "planner.cli.plan", "pydantic", "jinja2"]
)
def test_ctrl_c_while_modules_are_imported_prints_no_traceback(module: str, project: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Press:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Press())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    environment.pop("COVERAGE_PROCESS_CONFIG", None)
    command = [sys.executable, "-m", "planner", "init" if module == "jinja2" else "plan"]
    if module == "jinja2":
        (project / "chromplan.toml").unlink()
    done = subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    assert "Traceback" not in done.stderr
    assert done.returncode in (-2, 130)
