"""Gather the pages of the repository for the site, under their own paths, with the files that they link to.

'make site' runs this and then MkDocs.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("*.md", "docs/*.md", "benchmarks/*.md", "examples/*/README.md")
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")


def gather(target: Path) -> None:
    """Copy every page, and every file that one links to, into a folder."""
    shutil.rmtree(target, ignore_errors=True)
    pages = {page for pattern in PAGES for page in ROOT.glob(pattern)}
    linked = {(page.parent / link).resolve() for page in pages for link in _LINK.findall(page.read_text("utf-8"))}
    styles = set(ROOT.glob("docs/*.css"))
    for path in sorted(pages | styles | {path for path in linked if path.is_file()}):
        copy = target / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)


if __name__ == "__main__":
    gather(ROOT / "build" / "docs")
