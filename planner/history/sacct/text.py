"""Parsing sacct's printed tables into named columns: delimiters, headers, fixed widths, pasted text, cut rows."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from planner.history.delimited import split_line
from planner.history.sacct.fields import FREE_TEXT, canonical, fits, is_whole, rejoined
from planner.history.sacct.headers import delimiter_of, header_columns, is_ruled, unframed, unquoted

# Free text last: otherwise a delimiter in a name could not be distinguished from a real one.
# Never SubmitLine: it holds the command's line breaks, and a row must be a line.
FIELDS: tuple[str, ...] = (
    *("JobID", "State", "ExitCode", "DerivedExitCode", "ReqMem", "AllocTRES", "MaxRSS", "TRESUsageInTot", "NTasks"),
    *("AllocCPUS", "NNodes", "ElapsedRaw", "TimelimitRaw", "Submit", "Start", "End", "NodeList", "WorkDir", "JobName"),
)
DELIMITER = "\x1f"

_RULER = re.compile(r"\s*-{2,}(?:\s+-{2,})*\s*")


class SacctLine(NamedTuple):
    """One row: its line number and its cells by column.

    Attributes
    ----------
    job_id : str
        JobID as printed; empty without such a column.
    cluster : str
        Empty without such a column.
    """

    number: int
    columns: Sequence[str]
    cells: Sequence[str]
    job_id: str
    cluster: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class UnreadLine:
    """A line that is not used.

    Attributes
    ----------
    job_ids : tuple of str or None
        The JobID of the job whose record is incomplete as a result, or all possible ones; None when the line is not a
        row of sacct.
    """

    number: int
    reason: str
    job_ids: tuple[str, ...] | None = None


def split_lines(
    lines: Iterable[str],
    *,
    columns: Sequence[str] | None = None,
    delimiter: str | None = None,
    outline: bool = False,
) -> Iterator[SacctLine | UnreadLine]:
    """Split sacct's output into rows of named columns, one line at a time.

    Parameters
    ----------
    lines : iterable of str
        Lines with their line ends, of any number of concatenated outputs; each may have its own header.
    columns : sequence of str, optional
        The columns of output without a header; `FIELDS` if the text was made with `DELIMITER`.
    delimiter : str, optional
        Detected from the header, or from the first row, when not given.
    outline : bool
        Only the jobs that the rows belong to are needed: cells may be omitted.
    """
    return _Splitter(columns, delimiter, outline).run(lines)


class _Splitter:
    def __init__(self, columns: Sequence[str] | None, delimiter: str | None, outline: bool) -> None:
        self.outline = outline
        self.delimiter = delimiter or ""
        self.known_delimiter = delimiter
        self.columns: Sequence[str] = ()
        self._name(canonical(columns) if columns else [])
        self.slices: list[slice] = []
        self.quoting = self.trailing = False
        self.framed = False  # whether bars stand at both ends of each row, as in Markdown
        self.plain = False  # whether each row is one line, split at every delimiter
        self.job_id = ""
        self.held: SacctLine | None = None

    def run(self, lines: Iterable[str]) -> Iterator[SacctLine | UnreadLine]:
        for number, line, following in _with_next(lines):
            ended = line.endswith("\n")
            row = line.removesuffix("\n").removesuffix("\r")
            if ended and following is None and self._is_plain(row):  # by far the most common case
                if self.held is not None:
                    yield self.held
                if self.outline and self.job_place == 0 and self.cluster_place is None:
                    job_id = row.partition(self.delimiter)[0].strip()
                    self.held = SacctLine(number, self.columns, ("",), job_id)
                else:
                    self.held = self._line(number, row.split(self.delimiter))
                self.job_id = self.held.job_id or self.job_id
                continue
            row = unquoted(row)
            if not row.strip():
                continue
            if following is not None and _RULER.fullmatch(ruler := unquoted(following).rstrip()):
                self._start_fixed_width(row, ruler)
            elif (self.slices and _RULER.fullmatch(row)) or is_ruled(row) or self._starts_delimited(row):
                pass
            else:
                yield from self._row(number, (unframed(row) if self.framed else None) or row, ended)
                continue
            yield from self._release()
        yield from self._release()

    def _is_plain(self, row: str) -> bool:
        """Whether a row only has to be split at each delimiter."""
        whole = self.plain and row.count(self.delimiter) == self.wanted - 1
        return whole and row[:1] not in {">", " "} and "jobid" not in row.lower()

    def _name(self, columns: Sequence[str]) -> None:
        self.columns = tuple(columns)
        self.wanted = len(columns)
        self.job_place = columns.index("JobID") if "JobID" in columns else None
        self.cluster_place = columns.index("Cluster") if "Cluster" in columns else None

    def _line(self, number: int, cells: Sequence[str]) -> SacctLine:
        job_id = "" if self.job_place is None else cells[self.job_place].strip()
        cluster = "" if self.cluster_place is None else cells[self.cluster_place].strip()
        return SacctLine(number, self.columns, cells, job_id, cluster)

    def _release(self) -> Iterator[SacctLine]:
        if self.held is not None:
            yield self.held
        self.held = None

    def _start_fixed_width(self, header: str, ruler: str) -> None:
        self.plain = False
        self.slices = [slice(*match.span()) for match in re.finditer("-+", ruler)]
        # names hold no blanks; in pasted text the first line has often lost its indentation
        names = header.split()
        if len(names) != len(self.slices):
            names = [header[part].strip() for part in self.slices]
        self._name(canonical(names))

    def _starts_delimited(self, row: str) -> bool:
        if "jobid" not in row.lower():
            return False
        inside = unframed(row)
        found = header_columns(inside or row, "|" if inside else self.known_delimiter)
        if found is None:
            return False
        self.framed = inside is not None
        columns, self.delimiter, self.trailing = found
        self._name(columns)
        self.slices = []
        self.quoting = '"' in row
        self.plain = bool(self.delimiter.strip(" ")) and not (self.quoting or self.trailing or self.framed)
        return True

    def _row(self, number: int, row: str, ended: bool) -> Iterator[SacctLine | UnreadLine]:
        if not self.columns and DELIMITER in row and not self.slices:
            self._name(FIELDS)
            self.delimiter, self.plain = DELIMITER, True
        if not self.columns:
            yield UnreadLine(number=number, reason="no header before it: run sacct without -n, or name the columns")
            return
        if not self.delimiter and not self.slices:
            self.delimiter = delimiter_of(row, len(self.columns))
        cells = self._fixed_cells(row) if self.slices else self._cells(row)
        if self.framed:
            cells = [cell.strip() for cell in cells]
        whole = len(cells) == len(self.columns)
        if whole and not ended and not (self.slices and self._reaches_edge(row)):
            whole = is_whole(self.columns[-1], cells[-1])
        if whole:
            yield from self._release()
            self.held = self._line(number, cells)
            self.job_id = self.held.job_id or self.job_id
        elif ended and self._continues(number, row):
            pass
        else:
            yield from self._release()
            yield self._unread(number, row, cells, ended)

    def _cells(self, row: str) -> list[str]:
        wanted = len(self.columns)
        if not self.delimiter.strip(" "):  # without its ruler empty cells cannot be recognised
            cells = row.split()
            return cells if all(map(fits, self.columns, cells)) else []
        cells = row.removesuffix(self.delimiter if self.trailing else "").split(self.delimiter)
        if (self.quoting or len(cells) != wanted) and '"' in row and len(self.delimiter) == 1:
            cells = split_line(row, self.delimiter)
        more = len(cells) == wanted + 1 and not cells[-1].strip() and not self.trailing
        joined = rejoined(cells, self.columns, self.delimiter) if len(cells) > wanted else None
        if more and (joined is None or all(map(fits, self.columns, cells))):  # sacct -p, without a header
            cells.pop()
        elif joined is not None:
            cells = joined
        return cells

    def _fixed_cells(self, row: str) -> list[str]:
        gaps = [row[one.stop : other.start] for one, other in zip(self.slices, self.slices[1:], strict=False)]
        if "".join(gaps).strip() or row[: self.slices[0].start].strip() or row[self.slices[-1].stop :].strip():
            return []  # shifted, or something else
        cells = [row[part] for part in self.slices]
        # sacct aligns a cell with one edge of its column; text that touches neither edge was shifted
        for cell, part in zip(cells, self.slices, strict=True):
            if cell.strip() and cell[0] == " " and len(cell.rstrip()) < part.stop - part.start:
                return []
        return [cell.strip() for cell in cells]

    def _reaches_edge(self, row: str) -> bool:
        return len(row) >= int(self.slices[-1].stop)

    def _continues(self, number: int, row: str) -> bool:
        """Append a line without delimiters to a name with a line break, if it can be its rest; return whether."""
        before = self.held
        if before is None or self.slices or self.delimiter in row or self.columns[-1] not in FREE_TEXT:
            return False
        if before.number + before.cells[-1].count("\n") != number - 1 or len(self.columns) < 2:
            return False
        cells = [*before.cells[:-1], f"{before.cells[-1]}\n{row}"]
        self.held = before._replace(cells=cells)
        return True

    def _unread(self, number: int, row: str, cells: Sequence[str], ended: bool) -> UnreadLine:
        if not ended:
            reason = "the last line has no end: the text may be cut there"
            return UnreadLine(number=number, reason=reason, job_ids=self._jobs_of(row))
        if self.slices and not cells:
            looks_like_row = row.lstrip()[:1].isdigit()
            reason = "its columns are not below those of the header" if looks_like_row else "not a row of sacct"
            return UnreadLine(number=number, reason=reason, job_ids=(row.split()[0],) if looks_like_row else None)
        if len(cells) == 1 and not row[:1].isdigit():  # a prompt, a note
            return UnreadLine(number=number, reason="not a row of sacct")
        reason = f"{len(cells)} columns where {len(self.columns)} belong"
        return UnreadLine(number=number, reason=reason, job_ids=self._jobs_of(row))

    def _jobs_of(self, row: str) -> tuple[str, ...]:
        """Return the row's JobID; if that is incomplete, the row belongs to the preceding job.

        For a row with delimiters inside cells, all cells that may be the JobID.
        """
        cells = row.split(self.delimiter) if self.delimiter.strip(" ") and not self.slices else row.split()
        if len(cells) > self.wanted:
            ids = [cell for cell in cells if cell.strip() and fits("JobID", cell)]
            return tuple(one for one in ids if not one.isdecimal()) or tuple(ids)
        place = len(cells) if self.job_place is None else self.job_place
        if place < len(cells) - 1 and cells[place].strip(' "')[:1].isdigit():
            self.job_id = cells[place].strip(' "')
        return (self.job_id,)


def _with_next(lines: Iterable[str]) -> Iterator[tuple[int, str, str | None]]:
    """Yield the lines with their numbers, each with the next line if that may be a ruler."""
    before: str | None = None
    number = 0
    for number, line in enumerate(lines, start=1):
        if before is not None:
            yield number - 1, before, line if "--" in line else None
        before = line
    if before is not None:
        yield number, before, None
