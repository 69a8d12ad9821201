"""Data that lies beside the project where it is developed, not in it: tests/outside reads it."""

from pathlib import Path


def shared_data(name: str) -> Path:
    """Return the folder of that name in ``shared/data`` above the project; one that does not exist where it is not."""
    above = (folder / "shared" / "data" / name for folder in Path(__file__).parents)
    return next((path for path in above if path.is_dir()), Path("no such folder"))
