"""From sacct's printed table to named columns: delimiters, headers, fixed widths, rows that were cut."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from planner.history.reading import Skipped

# Free text last: with any other order a delimiter in a name could not be told from a real one.
# Never SubmitLine: it holds the command's line breaks, and a row must be a line.
FIELDS: tuple[str, ...] = (
    *("JobID", "State", "ExitCode", "DerivedExitCode", "ReqMem", "AllocTRES", "MaxRSS", "TRESUsageInTot", "NTasks"),
    *("AllocCPUS", "NNodes", "ElapsedRaw", "TimelimitRaw", "Submit", "Start", "End", "NodeList", "WorkDir", "JobName"),
)
DELIMITER = "\x1f"

_FOREIGN = ("^|^", "|", "\t")
_FREE_TEXT = frozenset({"JobName", "WorkDir", "Comment", "AdminComment", "SystemComment", "SubmitLine"})
_CANONICAL = {name.lower(): name for name in (*FIELDS, *_FREE_TEXT, "Elapsed", "Timelimit", "NCPUS", "AllocNodes")}
_RULER = re.compile(r"\s*-{2,}(?:\s+-{2,})*\s*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """One row's columns by name, and the line it stood on."""

    number: int
    values: dict[str, str]


@dataclass(slots=True)
class Table:
    """What the text held.

    Attributes
    ----------
    cut : list of (int, str)
        Rows with too few or too many columns, and a last line without an end: the line number, and the JobID whose
        record is therefore incomplete.
    last : int
        Number of the last line that is not blank.
    """

    lines: list[Line] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    cut: list[tuple[int, str]] = field(default_factory=list)
    last: int = 0


def split_table(text: str, *, columns: Sequence[str] | None = None, delimiter: str | None = None) -> Table:
    """Split sacct's output into rows of named columns.

    Parameters
    ----------
    text : str
        Any number of outputs one after the other; each may have its own header.
    columns : sequence of str, optional
        The columns of output without a header; `FIELDS` where the text was made with `DELIMITER`.
    delimiter : str, optional
        Found in the text when not given.
    """
    return _Splitter(text, columns, delimiter).run()


class _Splitter:
    def __init__(self, text: str, columns: Sequence[str] | None, delimiter: str | None) -> None:
        self.rows = [line.removesuffix("\r") for line in text.split("\n")]
        # sacct ends every line; where the last one has no end, the text may stop in the middle of a row
        self.unfinished = len(self.rows) if self.rows[-1].strip() else 0
        self.delimiter = delimiter or next((one for one in (DELIMITER, *_FOREIGN) if one in text), "|")
        self.columns = _canonical(columns) if columns else list(FIELDS) if self.delimiter == DELIMITER else []
        self.slices: list[slice] = []
        self.job_id = ""
        self.table = Table()

    def run(self) -> Table:
        numbered = self._numbered()
        for number, row in numbered:
            self.table.last = number
            if number < len(self.rows) and _RULER.fullmatch(self.rows[number]):
                self._start_fixed_width(row, self.rows[number])
                next(numbered)
            elif self._starts_delimited(row):
                continue
            elif number == self.unfinished:
                self._cut(number, row, "the last line has no end: the text may be cut there")
            elif not self.columns:
                self._skip(number, "no header before it: run sacct without -n, or name the columns")
            elif self.slices:
                cells = [row[part].strip() for part in self.slices]
                self.table.lines.append(Line(number=number, values=dict(zip(self.columns, cells, strict=True))))
            else:
                self._add(number, row)
        return self.table

    def _numbered(self) -> Iterator[tuple[int, str]]:
        return ((number, row) for number, row in enumerate(self.rows, start=1) if row.strip())

    def _start_fixed_width(self, header: str, ruler: str) -> None:
        self.slices = [slice(*match.span()) for match in re.finditer("-+", ruler)]
        self.columns = _canonical([header[part].strip() for part in self.slices])

    def _starts_delimited(self, row: str) -> bool:
        if "jobid" not in row.lower():
            return False
        names = [name.strip() for name in row.split(self.delimiter)]
        if "jobid" not in [name.lower() for name in names] or not "".join(names).isalpha():
            return False
        self.slices = []
        self.columns = _canonical(names if names[-1] else names[:-1])
        return True

    def _add(self, number: int, row: str) -> None:
        cells = row.split(self.delimiter)
        wanted = len(self.columns)
        if len(cells) == wanted + 1 and not cells[-1].strip():  # sacct -p ends every row with a delimiter
            cells.pop()
        if len(cells) > wanted:
            cells = self._rejoin_free_text(cells)
        if len(cells) == wanted:
            self.table.lines.append(Line(number=number, values=dict(zip(self.columns, cells, strict=True))))
            self._note_job_id(row)
        elif len(cells) == 1 and self._continues(number):
            self.table.lines[-1].values[self.columns[-1]] += f"\n{row}"
        elif len(cells) == 1 and not row[:1].isdigit():  # a prompt, a note
            self._skip(number, "not a row of sacct")
        else:
            self._cut(number, row, f"{len(cells)} columns where {wanted} belong")

    def _continues(self, number: int) -> bool:
        """Whether a line without any delimiter is the rest of a name with a line break."""
        before = self.table.lines[-1].number if self.table.lines else -1
        return before == number - 1 and len(self.columns) > 1 and self.columns[-1] in _FREE_TEXT

    def _rejoin_free_text(self, cells: list[str]) -> list[str]:
        """Undo a delimiter inside a name, when only one column can have held it."""
        places = [place for place, name in enumerate(self.columns) if name in _FREE_TEXT]
        if len(places) != 1:
            return cells
        first, extra = places[0], len(cells) - len(self.columns)
        return [*cells[:first], self.delimiter.join(cells[first : first + extra + 1]), *cells[first + extra + 1 :]]

    def _cut(self, number: int, row: str, reason: str) -> None:
        self._note_job_id(row)
        self.table.cut.append((number, self.job_id))
        self._skip(number, reason)

    def _note_job_id(self, row: str) -> None:
        """Keep the row's JobID; where it is not there whole, the row belongs to the job before it."""
        cells = row.split(self.delimiter)
        place = self.columns.index("JobID") if "JobID" in self.columns else len(cells)
        if place < len(cells) - 1 and cells[place][:1].isdigit():
            self.job_id = cells[place].strip()

    def _skip(self, number: int, reason: str) -> None:
        self.table.skipped.append(Skipped(line=number, reason=reason))


def _canonical(names: Sequence[str]) -> list[str]:
    """Return the names as sacct writes them, whatever the case they were asked for in."""
    return [_CANONICAL.get(name.strip().lower(), name.strip()) for name in names]
