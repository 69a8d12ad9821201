"""A project's files: ``chromplan.toml``, ``.chromplan/`` and ``rounds/``."""

from __future__ import annotations

import errno
import os
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from planner import site as sites
from planner.core import config as configuration
from planner.core import files, pipelines
from planner.core.config import Config
from planner.core.documents import parse_json, read_text
from planner.core.errors import InputError
from planner.plan.document import Plan, round_name
from planner.project import lock as locks
from planner.project import split

HISTORY = "history.sqlite"
"""The file name of a history."""


def history_file(path: Path) -> Path:
    """Return the file of a shared history, which is named by its path or by that of its folder."""
    path = path.expanduser()
    return path / HISTORY if path.is_dir() or not (path.suffix or path.exists()) else path


class ProjectFolder:
    """The folder that holds ``chromplan.toml``, and the files in it.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # one command reads it repeatedly, and it is long if there are many tasks
        self._plans: dict[int, tuple[str, Plan]] = {}
        self.config_path = folder / configuration.FILE
        self.state = folder / ".chromplan"
        self.own_store_path = self.state / HISTORY
        self.models = self.state / "models"
        self.rounds = folder / "rounds"

    def config(self) -> Config:
        """Read and check ``chromplan.toml``; a split that was chosen for its chromosomes is applied."""
        return split.applied(pipelines.load(self.config_path), self.folder)

    @cached_property
    def store_path(self) -> Path:
        """The history: ``CHROMPLAN_STORE``; else the project's own, if there is one; else the site's, if it has one."""
        if shared := os.environ.get("CHROMPLAN_STORE"):
            return history_file(Path(shared))
        if os.path.lexists(self.own_store_path) or not self.config_path.exists():
            return self.own_store_path
        name = self.config().submit.site
        history = None if name == sites.LOCAL else sites.load_for(self.folder, name).history
        return history_file(Path(history)) if history else self.own_store_path

    def model_path(self, tool: str) -> Path:
        """Return the path of a tool's fitted model."""
        return self.models / f"{tool}.json"

    def round_numbers(self) -> list[int]:
        """Return the rounds that have a plan, in order."""
        # a glob would treat an unreadable folder, or a file, as an empty folder
        names = [path.name for path in self.rounds.iterdir()] if os.path.lexists(self.rounds) else []
        numbers = [int(name[1:]) for name in names if name.startswith("r") and name[1:].isdecimal()]
        return sorted(number for number in numbers if round_name(number) in names and self._is_planned(number))

    def _is_planned(self, number: int) -> bool:
        """Whether a round has a plan, or had one that is lost: planning it again would mix the two."""
        folder = self.round_folder(number)
        if not folder.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))
        return (folder / "plan.json").exists() or self.started(number)

    def round_folder(self, number: int) -> Path:
        """Return a round's folder."""
        return self.rounds / round_name(number)

    def latest(self) -> int:
        """Return the last planned round.

        Raises
        ------
        InputError
            When nothing is planned yet.
        """
        numbers = self.round_numbers()
        if not numbers:
            raise InputError(f"{self.rounds}: no round is planned yet", "run 'chromplan plan' first")
        return numbers[-1]

    def next_number(self) -> int:
        """Return the number of the round to plan; that of the last round if it has not been started."""
        numbers = self.round_numbers()
        if not numbers:
            return 1
        return numbers[-1] + 1 if self.started(numbers[-1]) else numbers[-1]

    def submitted(self, number: int) -> bool:
        """Whether a round was submitted to Slurm, wholly or in part."""
        folder = self.round_folder(number)
        return any((folder / name).exists() for name in ("submission.json", "manifest.tsv", "manifest.tsv.new"))

    def rendered(self, number: int) -> bool:
        """Whether a round has its scripts."""
        return (self.round_folder(number) / "command.sh").exists()

    def started(self, number: int) -> bool:
        """Whether a round was submitted to Slurm or run locally, wholly or in part."""
        folder = self.round_folder(number)
        return self.submitted(number) or any((folder / name).exists() for name in ("local.jsonl", "running"))

    def plan(self, number: int) -> Plan:
        """Read a round's plan."""
        path = self.round_folder(number) / "plan.json"
        hint = "'chromplan plan' writes it anew"
        if self.started(number):
            hint = "restore it from a copy: the round was started, and nothing else tells what its tasks are"
        text = read_text(path, hint=hint)
        known, plan = self._plans.get(number, (None, None))
        if plan is not None and text == known:
            return plan
        plan = parse_json(text, Plan, path=path, hint=hint)
        if plan.round != number:
            raise InputError(f"{path}: round: {plan.round} in the folder of round {number}", "it was copied; plan here")
        self._plans[number] = (text, plan)
        return plan

    def write_plan(self, plan: Plan) -> Path:
        """Write a round's plan; files rendered from an earlier plan of the round are removed."""
        folder = self.round_folder(plan.round)
        for script in [*folder.glob("*.sh"), *folder.glob("jobs/*.sh")]:
            script.unlink()
        path = folder / "plan.json"
        files.write_text(path, plan.model_dump_json(indent=2) + "\n")
        return path

    def lock(
        self, round_number: int | None = None, *, wait_s: float = locks.PATIENCE_S
    ) -> AbstractContextManager[None]:
        """Lock the project, or one of its rounds, while a command works in it; see `planner.project.lock`."""
        name = "lock" if round_number is None else f"lock.{round_name(round_number)}"
        return locks.hold(self.state / name, wait_s=wait_s)
