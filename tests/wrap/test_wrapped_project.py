"""The project made from a script: an ordinary one, whose command sets what the script saw before."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import plans
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.cli import main
from planner.core import config as configuration
from planner.core.config import Config
from planner.core.errors import InputError
from planner.core.records import Mode
from planner.project.folder import ProjectFolder
from planner.scripts import render
from planner.site import Partition
from planner.wrap import elements, options, project, request

GOLDEN = Path(__file__).parent.parent / "golden" / "wrap"
SHELLCHECK = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or "shellcheck"
SCRIPT = """#!/bin/bash
#SBATCH -J impute --array=1-22%4 --mem=2G --time=2:00:00 -c 2
#SBATCH --partition=main --account=genomics --qos=long --comment='say "a" # b' --mail-type=END
#SBATCH -o logs/%x_%A_%a.out
echo "$SLURM_ARRAY_TASK_ID"
"""


def write(folder: Path, text: str = SCRIPT, *, arguments: tuple[str, ...] = (), after: tuple[str, ...] = ()) -> Config:
    script = folder / "impute.sh"
    script.write_text(text)
    asked = request.read(script)
    setting = project.Setting(
        folder=folder, site=plans.site(), site_name="local", arguments=arguments, after=after, dependency="singleton"
    )
    return project.write(ProjectFolder(folder / "made"), asked, elements.by_index(asked.array.indices), setting)


def rendered(config: Config, folder: Path, mode: Mode = Mode.ARRAY) -> dict[str, str]:
    of = config.model_copy(update={"submit": config.submit.model_copy(update={"mode": mode})})
    return render.render(plans.plan(of, samples=configuration.samples(of, folder)))


def test_what_the_script_asks_for_becomes_the_project(tmp_path: Path) -> None:
    config = write(tmp_path)
    assert (config.pipeline.name, config.pipeline.tool, config.pipeline.cpus) == ("impute", "impute", 2)
    assert config.pipeline.time == "02:00:00"
    assert (config.memory.default_mb, config.memory.pilot) == (2048, 0)
    assert (config.submit.partition, config.submit.account, config.submit.qos) == ("main", "genomics", "long")
    assert config.submit.max_running == 4
    assert config.wrap is not None
    assert config.wrap.options == ['--comment=say "a" # b', "--mail-type=END"]
    assert [one.task for one in config.wrap.elements] == [f"chr{c}" for c in range(1, 23)]


def test_the_project_and_its_scripts_are_as_recorded(tmp_path: Path) -> None:
    (tmp_path / "impute.sh").write_text(SCRIPT)
    asked = request.read(tmp_path / "impute.sh")
    setting = project.Setting(folder=Path("/data/it's"), site=plans.site(), site_name="cannon", arguments=("a b",))
    made = ProjectFolder(tmp_path / "made")
    files = rendered(project.write(made, asked, elements.by_index(asked.array.indices), setting), tmp_path)
    found = {"chromplan.toml": made.config_path.read_text()}
    found |= {name: files[name] for name in ("array.sh", "command.sh")}
    missing = [name for name in found if not (GOLDEN / name).exists()]
    for name in missing:
        GOLDEN.mkdir(parents=True, exist_ok=True)
        (GOLDEN / name).write_text(found[name])
    assert not missing, "recorded anew: read them, and run again"
    for name, text in found.items():
        assert text == (GOLDEN / name).read_text(), f"{GOLDEN / name}: delete it and run again when it is wanted"


def test_the_script_is_copied_byte_for_byte_and_earlier_copies_stay(tmp_path: Path) -> None:
    write(tmp_path)
    write(tmp_path, SCRIPT + "# changed\n")
    copies = sorted((tmp_path / "made/scripts").glob("*/slurm_script"), key=lambda path: path.stat().st_size)
    assert [path.read_text() for path in copies] == [SCRIPT, SCRIPT + "# changed\n"]
    assert all(path.stat().st_mode & 0o111 for path in copies)


def test_bytes_that_are_no_text_are_kept(tmp_path: Path) -> None:
    (tmp_path / "old.sh").write_bytes(b"#!/bin/sh\n# caf\xe9\n#SBATCH --array=1\n")
    asked = request.read(tmp_path / "old.sh")
    setting = project.Setting(folder=tmp_path, site=plans.site(), site_name="local", arguments=())
    project.write(ProjectFolder(tmp_path / "made"), asked, elements.by_index([1]), setting)
    (copy,) = (tmp_path / "made/scripts").glob("*/slurm_script")
    assert copy.read_bytes() == b"#!/bin/sh\n# caf\xe9\n#SBATCH --array=1\n"


@pytest.mark.parametrize("mode", [Mode.ARRAY, Mode.TIERS, Mode.JOBS])
def test_its_scripts_are_clean_and_say_what_the_script_said(mode: Mode, tmp_path: Path) -> None:
    files = rendered(write(tmp_path, arguments=("$(id)", "it's", "{x}")), tmp_path, mode)
    render.write(files, tmp_path / "round")
    for name in files:
        subprocess.run(["bash", "-n", tmp_path / "round" / name], check=True)
    done = subprocess.run([SHELLCHECK, *(tmp_path / "round" / name for name in files)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert "--mail-type" not in files["next.sh"]
    jobs = [text for text in files.values() if "#SBATCH" in text and text != files["next.sh"]]
    for text in jobs:
        assert '#SBATCH "--comment=say \\"a\\" # b"\n#SBATCH --mail-type=END\n' in text
        assert "#SBATCH --dependency=singleton\n" in text
        assert "srun --job-name" not in text


def test_a_script_without_cpus_per_task_does_not_get_the_variable(tmp_path: Path) -> None:
    text = rendered(write(tmp_path, "#!/bin/sh\n#SBATCH -a 1\n"), tmp_path)["array.sh"]
    assert "--cpus-per-task" not in text
    text = rendered(write(tmp_path, "#!/bin/sh\n#SBATCH -a 1 -n 4 -c 2\n"), tmp_path)["array.sh"]
    assert "#SBATCH --cpus-per-task=2\n" in text
    assert "#SBATCH --ntasks=4\n" in text


def test_packing_a_script_into_an_allocation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot run in mode packed"):
        rendered(write(tmp_path), tmp_path, Mode.PACKED)


def test_a_partition_that_the_site_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no partition 'gpu'"):
        write(tmp_path, "#!/bin/sh\n#SBATCH -a 1 -p gpu\n")


def test_of_several_kinds_of_nodes_in_a_partition_the_largest_is_planned(tmp_path: Path) -> None:
    kinds = tuple(
        Partition(name=f"work-{mem}G", partition="work", cores=8, mem_mb=1000 * mem, max_time="2-00:00:00")
        for mem in (100, 500)
    )
    asked = _request(tmp_path, "#SBATCH -a 1 -p other,work --mem=0")
    setting = project.Setting(folder=tmp_path, site=plans.site(partitions=kinds), site_name="local", arguments=())
    config = project.write(ProjectFolder(tmp_path / "made"), asked, elements.by_index([1]), setting)
    assert config.submit.partition == "work-500G"
    assert config.pipeline.time == "2-00:00:00"  # the partition's: the script has none
    assert config.memory.default_mb == 500_000
    assert config.wrap is not None
    assert config.wrap.options == ["--partition=other,work"]


def _request(folder: Path, line: str) -> request.Request:
    (folder / "one.sh").write_text(f"#!/bin/sh\n{line}\n")
    return request.read(folder / "one.sh")


def test_scripts_with_other_arguments_are_other_projects_of_one_tool(tmp_path: Path) -> None:
    asked = _request(tmp_path, "#SBATCH -a 1 -J impute.sh")
    assert project.name_of(asked, []) == "impute"
    assert project.name_of(asked, ["NA1"]) == "impute.NA1"
    assert project.name_of(asked, ["a b"]) != project.name_of(asked, ["a_b"])
    assert project.tool_of(asked) == "impute"
    assert len(project.name_of(asked, ["x" * 300])) <= 55


def test_a_line_break_in_an_option_is_refused(tmp_path: Path) -> None:
    (tmp_path / "one.sh").write_text("#!/bin/sh\n#SBATCH -a 1\n")
    given, _ = options.read(["--comment", "a\nb"], where="the command line")
    asked = request.read(tmp_path / "one.sh", given)
    setting = project.Setting(folder=tmp_path, site=plans.site(), site_name="local", arguments=())
    with pytest.raises(InputError, match="a line break"):
        project.write(ProjectFolder(tmp_path / "made"), asked, elements.by_index([1]), setting)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30), max_size=3))
def test_any_argument_reaches_the_script(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        script = '#!/bin/bash\n#SBATCH --array=21 -o out\nprintf "%s\\0" "$@"\n'
        config = write(folder, script, arguments=tuple(arguments))
        command = configuration.command_text(config, configuration.samples(config, folder), path=folder)
        (folder / "made/command.sh").write_text(command)
        environment = {"CHROMPLAN_INDEX": "21", "CHROMPLAN_TMP": name, "PATH": "/usr/bin:/bin"}
        subprocess.run(["bash", "command.sh"], cwd=folder / "made", env=environment, check=True)
        found = (folder / "out").read_bytes().decode().split("\0")[:-1]
        assert found == (arguments or [""])


def chromplan(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 0


def test_a_wrapped_script_runs_on_this_machine_without_slurm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "impute.sh").write_text(
        '#!/bin/bash\n#SBATCH --array=20-22 -o out.%a\necho "$1 $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"\n'
    )
    monkeypatch.setenv("PATH", "/nowhere")
    chromplan("wrap", "--site=local", "impute.sh", "a b")
    assert "history: none (sacct: not found)" in capsys.readouterr().out
    monkeypatch.undo()
    monkeypatch.chdir(tmp_path)
    (made,) = (tmp_path / "wrapped").iterdir()
    for command in (["plan", "--json"], ["render"], ["run", "--local"], ["next"]):
        chromplan(*command, "-C", str(made))
    assert {path.name: path.read_text() for path in tmp_path.glob("out.*")} == {
        f"out.{index}": f"a b {index}/3\n" for index in (20, 21, 22)
    }
    capsys.readouterr()
    chromplan("status", "--json", "-C", str(made))
    assert {row["outcome"] for row in json.loads(capsys.readouterr().out)} == {"completed"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--array=1-22"], "no script"),
        (["--array=1-22", "--after=phase", "impute.sh"], "--after phase: no such project"),
        (["--dependency=aftercorr:7", "--array=1", "impute.sh"], "job 7 was not submitted by a wrapped project here"),
        (["--dependency=aftercorr:7?afterok:8", "--array=1", "impute.sh"], "aftercorr among alternatives"),
        (["impute.sh"], "no --array"),
    ],
)
def test_what_cannot_be_wrapped_is_said_in_two_lines(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "impute.sh").write_text("#!/bin/bash\n")
    with pytest.raises(SystemExit) as ended:
        main(["wrap", "--site=local", *arguments])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "wrapped").exists()
