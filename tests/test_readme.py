"""The commands of README.md run, one after the other, as a newcomer would type them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
# what needs a cluster, or is a chore of its own, tested elsewhere
ELSEWHERE = ("pip ", "git ", "make ", "chromplan submit\n", "chromplan ingest")


def commands() -> list[str]:
    blocks = re.findall(r"```console\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    lines = "".join(blocks).replace("\\\n", "\\").splitlines()
    return [line.removeprefix("$ ").replace("\\", "\\\n") for line in lines if line.startswith("$ ")]


def shape(line: str) -> str:
    """Return a line without what another version of a library may change: its numbers."""
    return re.sub(r"\s+", " ", re.sub(r"\d+", "N", line)).strip()


def test_the_commands_run_and_plan_what_is_shown(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    shown = [command for command in commands() if not f"{command}\n".startswith(ELSEWHERE)]
    assert len(shown) >= 6
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    script = "set -euo pipefail\n" + "\n".join(shown)
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    plan = re.search(r"```\n\$ chromplan plan\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert plan
    printed = {shape(line) for line in done.stdout.splitlines()}
    assert {shape(line) for line in plan[1].splitlines() if line != "…"} <= printed


def test_every_link_leads_somewhere() -> None:
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
