"""What README, docs and --help show exists: commands and options parse, files are there, examples run."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import documented
import pytest

from planner.cli import cli
from planner.cli.ui import examples

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
# what a reader puts something else for, or what simulate calls its strategies
_STANDS_FOR_SOMETHING = re.compile(r"chromplan (?:array|packed|dynamic)\b|…|\.\.\.|\b[A-Z]{4,}\b|\bDIR\b|\bID\b|\[")


def blocks(page: Path) -> str:
    """Return the code blocks of a page with commands, one command a line."""
    found = re.findall(r"```(?:console)?\n(.*?)```", page.read_text(), re.DOTALL)
    return "".join(found).replace("\\\n", " ")


def invocations(text: str) -> Iterator[list[str]]:
    """Yield the words of each call of chromplan in shell text."""
    for line in text.splitlines():
        shown = line.removeprefix("$ ")
        if line == shown:
            continue  # what a command prints
        for part in re.split(r"&&|\|\||[|;<>]|\$\(|\)", shown):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:
                words = part.partition("#")[0].split()
            if "chromplan" in words:
                yield words[words.index("chromplan") + 1 :]


def parse(words: list[str]) -> None:
    """Let click parse a command line as far as it can without running it."""
    context = click.Context(cli, info_name="chromplan")
    command: click.Command = cli
    while isinstance(command, click.Group) and words and words[0] not in ("--help", "--version"):
        name, words = words[0], words[1:]
        found = command.get_command(context, name)
        assert found is not None, f"no command {name}"
        command, context = found, click.Context(found, parent=context, info_name=name)
    try:
        command.make_context(context.info_name, list(words), parent=context.parent)
    except (click.exceptions.Exit, click.exceptions.NoArgsIsHelpError, click.MissingParameter):
        return  # help was asked for, or the command is only named
    except click.BadParameter as error:
        if "does not exist" not in error.message:
            raise


def shown_lines() -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        found += [(page.name, shlex.join(words)) for words in invocations(blocks(page))]
        for span in re.findall(r"(?<!`)`(chromplan [^`]*)`(?!`)", page.read_text()):
            if not _STANDS_FOR_SOMETHING.search(span):
                found += [(page.name, shlex.join(words)) for words in invocations("$ " + span.replace("\n", " "))]
    return sorted(set(found))


@pytest.mark.parametrize(("page", "line"), shown_lines())
def test_every_command_that_is_shown_exists_with_its_options(page: str, line: str) -> None:
    parse(shlex.split(line))


def test_pages_show_commands() -> None:
    assert len({page for page, _ in shown_lines()}) >= 8


def accounted() -> str:
    """Return what sacct says of two samples, the second submitted when the first had ended."""
    lines = ["JobID|State|ReqMem|MaxRSS|ElapsedRaw|Submit|JobName"]
    for sample, submit_s in enumerate((1_767_225_600, 1_767_312_000), 1):
        for chromosome in (1, 5, 9, 13, 17, 22):
            job, peak_mb = 100 * sample + chromosome, 2400 - 80 * chromosome + 30 * sample
            lines += [
                f"{job}|COMPLETED|4000M||600|{submit_s}|impute.s{sample}.chr{chromosome}",
                f"{job}.batch|COMPLETED||{peak_mb}M|600|{submit_s}|batch",
            ]
    return "".join(f"{line}\n" for line in lines)


BEFORE = """
chromplan init --site cannon --tool beagle
chromplan history import jobs.txt --tool beagle
chromplan plan
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project in which the commands of the docs find what they name."""
    made = tmp_path_factory.mktemp("documented")
    shutil.copytree(ROOT / "examples", made / "examples")
    (made / "jobs.txt").write_text(accounted())
    (made / "tasks.csv").write_text("name,memory,duration\na,4G,600\nb,8G,300\nc,2G,900\n")
    runs = (ROOT / "examples/data/beagle_chr22.csv").read_text().replace("length_mb_grch37", "length_mb", 1)
    for name in ("runs.csv", "RUNS.csv", "OTHER.csv"):
        (made / name).write_text(runs)
    (made / "tool.formula.toml").write_text((ROOT / "planner/data/formulas/beagle.toml").read_text())
    bash(BEFORE, made)
    return made


def bash(script: str, folder: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "HOME": str(folder)}
    whole = f"set -euo pipefail\n{script}"
    done = subprocess.run(["bash", "-c", whole], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, script + done.stdout + done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("block", documented.offline(), ids=lambda block: f"{block.page}: {block.lines[0][:50]}")
def test_what_needs_no_cluster_runs_as_it_is_shown(block: documented.Block, prepared: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(prepared, tmp_path / "project")
    bash(block.script, folder)


@pytest.mark.parametrize(("page", "beginning"), documented.ELSEWHERE)
def test_what_runs_elsewhere_is_still_shown_and_its_test_is_there(page: str, beginning: str) -> None:
    assert any(one.page == page and one.lines[0].startswith(beginning) for one in documented.blocks())
    assert (ROOT / documented.ELSEWHERE[page, beginning]).is_file()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    named = re.findall(
        r"`((?:planner|tests|templates|examples|benchmarks|docs|site_configs|\.ci)/[\w./*-]+)`", page.read_text()
    )
    made_by_readers = {"site_configs/mine.toml", "site_configs/NAME.toml"}
    for name in set(named) - made_by_readers:
        assert list(ROOT.glob(name.rstrip("/"))), f"{page.name} names {name}"


def leaves(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from leaves(found, f"{path} {name}".strip())
    else:
        yield path, command


LEAVES = dict(leaves(cli, ""))


@pytest.mark.parametrize("path", LEAVES)
def test_every_help_ends_with_examples_that_parse(path: str) -> None:
    command = LEAVES[path]
    shown = command.get_help(click.Context(command, info_name=path))
    assert "Examples:" in shown
    lines = [line.strip() for line in shown.partition("Examples:")[2].splitlines() if "chromplan" in line]
    assert lines
    for line in lines:
        words = shlex.split(line, comments=True)
        words = words[words.index("chromplan") + 1 :]
        assert words[: path.count(" ") + 1] == path.split()
        parse(words)


def test_examples_are_of_commands_that_exist() -> None:
    assert set(examples.EXAMPLES) <= set(LEAVES)
