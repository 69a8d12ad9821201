"""The commands of README.md run, one after the other, as a newcomer would type them."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "benchmarks" / "README.md"]
# what needs a cluster, or is a chore of its own, tested elsewhere
ELSEWHERE = ("pip ", "git ", "make ", "chromplan submit\n", "chromplan ingest", "chromplan advise")


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


@pytest.mark.slow
def test_what_is_replayed_says_what_is_shown() -> None:
    shown = re.search(r"```\n\$ (chromplan simulate .*?[^\\])\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert shown
    words = shlex.split(shown[1].replace("\\\n", " "))[1:]
    done = subprocess.run([sys.executable, "-m", "planner", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    printed = {shape(line) for line in done.stdout.splitlines()}
    assert {shape(line) for line in shown[2].splitlines() if line != "…"} <= printed


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub names them."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading_that_exist(page: Path) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)(?:#([^)]*))?\)", page.read_text()):
        if "://" not in target:
            found = page.parent / target if target else page
            assert found.exists(), f"{page.name} links to {target}"
            assert not anchor or anchor in anchors(found), f"{page.name} links to {target}#{anchor}"


def test_the_index_names_every_page_of_the_docs() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name}" in index, f"docs/README.md does not name {page.name}"


def test_the_picture_is_what_its_command_draws() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import picture; print(picture.drawn(), end='')"],
        cwd=ROOT / "docs",
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    kept = (ROOT / "docs" / "picture.svg").read_text()
    # where a bar ends may differ a little with the version of a library
    assert [re.sub(r"[\d.]+", "N", text) for text in (done.stdout, kept)] == [re.sub(r"[\d.]+", "N", kept)] * 2
    assert "prefers-color-scheme: dark" in kept
