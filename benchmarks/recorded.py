"""Tables of pages and the records they are made from: ``python -m benchmarks.recorded`` fails where they differ.

A record, ``benchmarks/records/NAME.json``, holds what was measured, by what command, and how each page shows it. In a
page ``<!-- record: NAME -->`` stands before the table and ``<!-- end of record -->`` behind it; ``--write`` puts the
tables there. Figures in running text are checked as well: ``said`` of a record has, by page, what must be found there,
with its figures left open (``{ROW[FIGURE]:.1f} GB·s``).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RECORDS = ROOT / "benchmarks" / "records"
PAGES = ("*.md", "docs/*.md", "benchmarks/*.md", "examples/**/*.md")
_BLOCK = re.compile(r"(<!-- record: (?P<name>[\w-]+) -->\n)(?P<table>.*?)(<!-- end of record -->)", re.DOTALL)


def load(name: str) -> dict[str, Any]:
    """Return a record: ``command``, ``measured``, ``rows`` (by name) and ``views`` (by page)."""
    path = RECORDS / f"{name}.json"
    if not path.exists():
        raise SystemExit(f"error: a page shows the record {name!r}, and there is no {path}")
    record: dict[str, Any] = json.loads(path.read_text())
    return record


def save(name: str, rows: Mapping[str, Mapping[str, object]], *, measured: str, command: str) -> None:
    """Replace these rows of a record, what was measured and when; how pages show it stays."""
    record = load(name)
    record |= {"measured": measured, "command": command, "rows": {**record["rows"], **rows}}
    (RECORDS / f"{name}.json").write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def table(record: dict[str, Any], page: str) -> str:
    """Return a record as a page shows it: heads, a template for each column, and the rows by name."""
    view = record["views"][page]
    shown = view.get("rows") or {name: name for name in record["rows"]}
    lines = ["| " + " | ".join(view["heads"]) + " |", "|---" * len(view["heads"]) + "|"]
    for name, label in shown.items():
        cells = [cell.format(label=label, **record["rows"][name]) for cell in view["cells"]]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines).replace("|  |", "| |").replace("|  |", "| |") + "\n"


def pages() -> Iterator[Path]:
    for pattern in PAGES:
        yield from sorted(ROOT.glob(pattern))


def differing(*, write: bool = False) -> tuple[list[str], int]:
    """Return a line for each table and figure that is not its record's, and how many there are.

    ``write`` mends the tables.
    """
    wrong: list[str] = []
    count = 0
    for path in pages():
        page = str(path.relative_to(ROOT))
        text = path.read_text()
        mended = text
        for found in _BLOCK.finditer(text):
            count += 1
            wanted = table(load(found["name"]), page)
            if found["table"] != wanted:
                wrong.append(f"{page}: the table of {found['name']} is not what benchmarks/records has")
                mended = mended.replace(found[0], found[1] + wanted + found[4])
        if write and mended != text:
            path.write_text(mended)
    unsaid, figures = _unsaid()
    return wrong + unsaid, count + figures


def _unsaid() -> tuple[list[str], int]:
    """Return a line for each figure in running text that is not its record's, and how many there are."""
    said = [
        (path.stem, page, figure.format(**record["rows"]))
        for path in sorted(RECORDS.glob("*.json"))
        for record in [load(path.stem)]
        for page, figures in record.get("said", {}).items()
        for figure in figures
    ]
    texts = {page: " ".join((ROOT / page).read_text().split()) for _, page, _ in said}
    return [f"{page}: {name} now says: {text}" for name, page, text in said if text not in texts[page]], len(said)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--write", action="store_true", help="put the tables of the records into the pages")
    wrong, count = differing(write=parser.parse_args().write)
    print("\n".join(wrong) or f"{count} tables and figures are those of their records")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
