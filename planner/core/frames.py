"""Tables for use in Python: pandas frames, and HTML for notebooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 60


def frame(rows: Iterable[Mapping[str, object]]) -> pd.DataFrame:
    """Return a frame with a row for each mapping; pandas is imported only when this is called."""
    import pandas as pd

    return pd.DataFrame.from_records(list(rows))


def flat(row: Mapping[str, object], nested: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """Return a row with the entries of nested mappings as columns of their own.

    Parameters
    ----------
    nested : mapping of str to mapping
        ``features={"length_mb": 249.3}`` adds a column ``length_mb``, or ``features.length_mb`` if that name exists
        already.
    """
    found = dict(row)
    for prefix, entries in nested.items():
        for name, value in entries.items():
            found[f"{prefix}.{name}" if name in found else name] = value
    return found


def html_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return an HTML table for notebooks, with only the first rows if there are many."""
    import html

    head = "".join(f"<th>{html.escape(column)}</th>" for column in columns)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape('' if cell is None else str(cell))}</td>" for cell in row) + "</tr>"
        for row in islice(rows, _MOST_ROWS)
    )
    more = f"<p>… and {len(rows) - _MOST_ROWS} more</p>" if len(rows) > _MOST_ROWS else ""
    return f"<p>{html.escape(title)}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"
