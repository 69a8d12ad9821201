"""Make README.md's links absolute, as PyPI needs them: ``python packaging/absolute_links.py REPOSITORY TAG``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"
_LINK = re.compile(r"(?P<image>!?)\[(?P<words>[^\]]*)\]\((?![a-z]+:|#)(?P<path>[^)\s]+)\)")


def absolute(text: str, repository: str, tag: str) -> str:
    """Return Markdown whose links to files, and pictures, lead to those of a tag."""

    def mended(found: re.Match[str]) -> str:
        kind, query = ("raw", "?raw=true") if found["image"] else ("blob", "")
        return f"{found['image']}[{found['words']}]({repository}/{kind}/{tag}/{found['path']}{query})"

    return _LINK.sub(mended, text)


if __name__ == "__main__":
    README.write_text(absolute(README.read_text(encoding="utf-8"), *sys.argv[1:3]), encoding="utf-8")
