"""Where a project's history is."""

from pathlib import Path

import pytest

from planner.core.errors import InputError
from planner.project.folder import ProjectFolder, history_file

CONFIG = """
[pipeline]
name = "impute"
tool = "impute"
command = "impute {chromosome}"
chromosomes = "20-22"

[submit]
site = "lab"
"""
SITE = """
name = "lab"
description = "the lab's nodes"
source = "its wiki"
as_of = "2026-11-01"
history = "HISTORY"

[[partitions]]
name = "main"
cores = 8
mem_mb = 32000
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project on a site whose file names a history."""
    monkeypatch.delenv("CHROMPLAN_STORE", raising=False)
    folder = tmp_path / "project"
    (folder / "site_configs").mkdir(parents=True)
    (folder / "chromplan.toml").write_text(CONFIG)
    (folder / "site_configs/lab.toml").write_text(SITE.replace("HISTORY", str(tmp_path / "shared/lab.sqlite")))
    return folder


def test_a_new_project_shares_the_history_of_its_site(project: Path, tmp_path: Path) -> None:
    assert ProjectFolder(project).store_path == tmp_path / "shared/lab.sqlite"


def test_the_variable_and_an_own_history_come_before_the_site_s(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = project / ".chromplan/history.sqlite"
    own.parent.mkdir()
    own.touch()
    assert ProjectFolder(project).store_path == own
    monkeypatch.setenv("CHROMPLAN_STORE", str(tmp_path / "mine.db"))
    assert ProjectFolder(project).store_path == tmp_path / "mine.db"


@pytest.mark.parametrize("site", ["local", "lab"])
def test_without_a_history_in_the_site_file_a_project_has_its_own(project: Path, site: str) -> None:
    path = project / "site_configs/lab.toml"
    path.write_text("\n".join(line for line in path.read_text().splitlines() if not line.startswith("history")))
    (project / "chromplan.toml").write_text(CONFIG.replace('"lab"', f'"{site}"'))
    assert ProjectFolder(project).store_path == project / ".chromplan/history.sqlite"


def test_a_folder_without_a_configuration_has_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHROMPLAN_STORE", raising=False)
    assert ProjectFolder(tmp_path).store_path == tmp_path / ".chromplan/history.sqlite"


def test_the_history_of_a_site_is_named_by_a_whole_path(project: Path) -> None:
    path = project / "site_configs/lab.toml"
    path.write_text(SITE.replace("HISTORY", "shared/lab.sqlite"))
    with pytest.raises(InputError, match=r"lab\.toml.*history.*whole path"):
        _ = ProjectFolder(project).store_path


def test_a_shared_history_is_named_by_its_file_or_its_folder(tmp_path: Path) -> None:
    (tmp_path / "there").touch()
    named = {name: history_file(tmp_path / name).name for name in ("", "new", "there", "lab.db")}
    assert named == {"": "history.sqlite", "new": "history.sqlite", "there": "there", "lab.db": "lab.db"}
