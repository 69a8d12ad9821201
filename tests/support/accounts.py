"""What sacct printed, read as a file of it would be."""

from planner.core.sampling import POLL_S
from planner.history.sacct.read import SacctRead, read
from planner.history.source import TextSource


def read_json(text: str, *, poll_s: float = POLL_S, source: str = "sacct output") -> SacctRead:
    """Return what ``sacct --json`` says."""
    return read(TextSource(name=source, content=text), poll_s=poll_s)
