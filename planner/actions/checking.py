"""Checks of a project before anything is submitted: what would go wrong on the cluster."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path

from planner.core import pipelines
from planner.core.config import Config
from planner.core.errors import InputError
from planner.core.regions import Region
from planner.core.samples import Sample

_SYNTAX_S = 10
_REDIRECTED = re.compile(r"[^<>=-]>>?[ \t]*[\"']?([^\s\"'<>|;&()]+)")
# a comparison in a program of awk or R
_QUOTED_SIGN = re.compile(r"'[^']*>[^']*'|\"[^\"]*>[^\"]*\"")
_PARTS_OF_A_TASK = re.compile(r"[{$`*~]")
_MAKES_OR_CHANGES_FOLDERS = re.compile(r"\b(?:mkdir|install|cd|pushd)\b")


def check(config: Config, samples: list[Sample], cut: Sequence[Region], *, path: Path) -> list[str]:
    """Refuse a pipeline whose jobs could not do what is meant; return what a person should know of it.

    Parameters
    ----------
    config : Config
    samples : list of Sample
        As `planner.core.pipelines.samples` returns them.
    cut : sequence of Region
        As `planner.project.regions.regions_of` returns them.
    path : Path
        Of chromplan.toml, for errors.

    Raises
    ------
    InputError
        A command that does the same in several tasks, or that bash cannot read.
    """
    text = pipelines.command_text(config, samples, path=path)
    pipelines.check_command(config, samples, cut, path=path)
    _check_syntax(text, path)
    gone = [] if config.wrap else missing_result_folders(config.pipeline.command, path.parent)
    writes = [f"the command writes into {one}, which does not exist: mkdir -p {shlex.quote(str(one))}" for one in gone]
    return [*writes, *_columns_taken_for_names(config, samples)]


def _columns_taken_for_names(config: Config, samples: list[Sample]) -> list[str]:
    """Return a doubt about names from a file that may be several columns without a line that names them."""
    words = {len(one.name.split()) for one in samples}
    if not isinstance(config.pipeline.samples, str) or len(samples) < 2 or len(words) > 1 or max(words) < 2:
        return []
    where = f"a first line of {config.pipeline.samples}"
    return [f"{samples[0].name!r} is taken for the name of one sample; if it is columns, name them in {where}"]


def _check_syntax(bash: str, path: Path) -> None:
    clean = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    done = subprocess.run(
        ["bash", "-n"],
        input=bash,
        env=clean,
        cwd="/",  # where we are may be gone
        capture_output=True,
        text=True,
        timeout=_SYNTAX_S,
        check=False,
    )
    said = done.stderr.strip().partition("\n")[0].removeprefix("bash: ")
    if done.returncode or said:
        raise InputError(f"{path}: pipeline.command: bash cannot parse it: {said}", "correct the command at that line")


def missing_result_folders(command: str, folder: Path) -> list[Path]:
    """Return the folders that a command redirects its output into, and that nobody has made.

    Parameters
    ----------
    command : str
        As written, with placeholders; one that makes or changes folders by itself is taken to know.
    folder : Path
        Where the tasks run.
    """
    if _MAKES_OR_CHANGES_FOLDERS.search(command):
        return []
    redirected = _REDIRECTED.findall(_QUOTED_SIGN.sub("''", command))
    named = {_PARTS_OF_A_TASK.split(path)[0].rpartition("/")[0] for path in redirected}
    return sorted(folder / name for name in named if name and not (folder / name).is_dir())
