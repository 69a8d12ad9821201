"""Commands load only what they need."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"jinja2", "matplotlib", "numpy", "pandas", "psutil", "pydantic", "pyoperon", "rich", "scipy", "sklearn"}


def loaded(*arguments: str, cwd: Path) -> set[str]:
    """Return the packages that a command imports."""
    code = (
        "import atexit, json, sys\n"
        "names = lambda: sorted({module.split('.')[0] for module in sys.modules})\n"
        "atexit.register(lambda: print('\\n' + json.dumps(names()), file=sys.stderr))\n"
        f"from planner.cli import main; main({list(arguments)!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True, check=True)
    return set(json.loads(done.stderr.splitlines()[-1])) & HEAVY


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...], tmp_path: Path) -> None:
    assert loaded(*arguments, cwd=tmp_path) == set()


def test_no_command_imports_anything_heavy_for_its_help() -> None:
    code = (
        "import json, sys\n"
        "import click\n"
        "from planner.cli import cli\n"
        f"heavy, found = {HEAVY!r}, {{}}\n"
        "def show(command, context, path):\n"
        "    command.get_help(context)\n"
        "    for name in {module.split('.')[0] for module in sys.modules} & heavy:\n"
        "        found.setdefault(name, path)\n"
        "    if isinstance(command, click.Group):\n"
        "        for name in command.list_commands(context):\n"
        "            one = command.get_command(context, name)\n"
        "            show(one, click.Context(one, info_name=name, parent=context), f'{path} {name}')\n"
        "show(cli, click.Context(cli, info_name='chromplan'), 'chromplan')\n"
        "print(json.dumps(found))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert json.loads(said) == {}  # package -> the first command whose help imported it


def test_planning_from_a_saved_model_imports_neither_scikit_learn_nor_matplotlib(tmp_path: Path) -> None:
    from observed import observation

    from planner.memory import fitting, saved

    observations = [
        observation(i, 100 + 20.0 * i, {"length_mb": 10.0 * i}, chromosome=str(i), wall_s=60.0 * i)
        for i in range(1, 23)
    ]
    path = tmp_path / ".chromplan" / "models" / "beagle.json"
    path.parent.mkdir(parents=True)
    path.write_text(saved.dumps(fitting.fit(observations, tool="beagle", feature_names=("length_mb",))))
    (tmp_path / "chromplan.toml").write_text('[pipeline]\nname = "x"\ntool = "beagle"\ncommand = "true {chromosome}"\n')
    used = loaded("plan", cwd=tmp_path)
    assert len(json.loads((tmp_path / "rounds/r001/plan.json").read_text())["tasks"]) == 22
    assert not used & {"sklearn", "scipy", "matplotlib", "pandas", "pyoperon"}


def test_status_imports_neither_numpy_nor_what_draws(tmp_path: Path) -> None:
    (tmp_path / "chromplan.toml").write_text('[pipeline]\nname = "x"\ntool = "x"\ncommand = "true {chromosome}"\n')
    loaded("plan", cwd=tmp_path)
    assert loaded("status", cwd=tmp_path) == {"pydantic"}


def test_what_past_jobs_used_is_told_without_numpy(tmp_path: Path) -> None:
    (tmp_path / "jobs.txt").write_text("JobID|State|ReqMem|MaxRSS|ElapsedRaw\n7|COMPLETED|4G|1G|600\n")
    assert loaded("advise", "--csv", "jobs.txt", cwd=tmp_path) == set()
