"""Checks of a project before anything is submitted: what would go wrong on the cluster."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path

from planner.core import config as configuration
from planner.core.config import Config
from planner.core.errors import InputError
from planner.core.samples import Sample

_SYNTAX_S = 10


def check(config: Config, samples: list[Sample], *, path: Path) -> None:
    """Refuse a pipeline whose jobs could not do what is meant.

    Parameters
    ----------
    config : Config
    samples : list of Sample
        As `planner.core.config.samples` returns them.
    path : Path
        Of chromplan.toml, for errors.

    Raises
    ------
    InputError
        A command that does the same in several tasks, or that bash cannot read.
    """
    text = configuration.command_text(config, samples, path=path)
    configuration.check_command(config, samples, path=path)
    _check_syntax(text, path)


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
        raise InputError(f"{path}: pipeline.command: bash cannot read it: {said}", "mend the command at that line")


def missing_log_folders(patterns: Iterable[str], folder: Path) -> list[Path]:
    """Return the folders of ``--output`` and ``--error`` that are not there: Slurm fails such jobs without a word.

    Parameters
    ----------
    patterns : iterable of str
        As sbatch takes them; a folder with a ``%`` in its name is not known before the job is.
    folder : Path
        Where the jobs start.
    """
    named = {(folder / Path(pattern).expanduser()).parent for pattern in patterns if pattern}
    return sorted(path for path in named if "%" not in str(path) and not path.is_dir())
