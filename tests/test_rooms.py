"""The rooms import one way only, and the pure ones stay pure."""

import ast
from collections import Counter
from pathlib import Path

import pytest

PLANNER = Path(__file__).parent.parent / "planner"
# from the ground floor up; a module imports from its own floor and those below
FLOORS = (
    "core",
    "site",
    "history",
    "formula",
    "memory",
    "slurm",
    "schedule",
    "plan",
    "scripts",
    "project",
    "replay",
    "advice",
    "export",
    "report",
    "runner",
    "rounds",
    "wrap",
    "actions",
    "cli",
    "__main__",
)
RANK = {name: rank for rank, name in enumerate(FLOORS)}
PURE = ("formula", "memory", "schedule", "plan", "replay", "advice", "export")
IMPURE = {"datetime", "os", "pathlib", "random", "shutil", "socket", "sqlite3", "subprocess", "tempfile", "time"}


def test_contributing_shows_the_rooms_in_this_order() -> None:
    text = (PLANNER.parent / "CONTRIBUTING.md").read_text()
    drawn = text.partition("```\ncore -> ")[2].partition("```")[0]
    assert ["core", *drawn.replace("->", " ").split(), "__main__"] == list(FLOORS)
    pure = text.partition(" are pure:")[0].rpartition("\n\n")[2]
    assert tuple(pure.replace("`", "").replace(" and ", ", ").split(", ")) == PURE


def modules() -> list[Path]:
    return sorted(path for path in PLANNER.rglob("*.py") if path != PLANNER / "__init__.py")


def room(path: Path) -> str:
    return path.relative_to(PLANNER).parts[0].removesuffix(".py")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PLANNER)))
def test_a_module_imports_only_from_its_floor_and_those_below(path: Path) -> None:
    for name in imports(path):
        parts = name.split(".")
        if parts[0] == "planner" and len(parts) > 1 and parts[1] != "__version__":
            assert RANK[parts[1]] <= RANK[room(path)], f"{path.name} imports {name}"


@pytest.mark.parametrize("path", [p for p in modules() if room(p) in PURE], ids=lambda p: str(p.relative_to(PLANNER)))
def test_a_pure_room_has_no_clock_no_files_and_no_subprocess(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & IMPURE


def test_a_class_name_stands_for_one_thing_in_the_whole_package() -> None:
    found: dict[str, list[str]] = {}
    for path in PLANNER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name.lstrip("_"), []).append(f"{path.relative_to(PLANNER)}:{node.name}")
    twice = {name: places for name, places in found.items() if len(places) > 1}
    assert not twice


def test_the_folders_of_the_tests_mirror_the_rooms() -> None:
    tested = {path.name for path in Path(__file__).parent.iterdir() if path.is_dir() and list(path.glob("test_*.py"))}
    beside = {"cluster", "outside"}  # a real Slurm, and data from elsewhere
    assert tested - beside == set(FLOORS) - {"__main__"}


def test_no_two_test_files_are_called_alike() -> None:
    # pytest imports them by their name alone
    names = Counter(path.name for path in Path(__file__).parent.rglob("test_*.py"))
    assert [name for name, count in names.items() if count > 1] == []
