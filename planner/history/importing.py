"""Importing files into the history: each format is recognised; either all attempts are recorded or none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import chain, islice
from pathlib import Path

from planner import __version__
from planner.core.errors import InputError
from planner.core.records import Observation
from planner.history.labels import with_length
from planner.history.readers import HistoryReader, ReadOptions, reader_for
from planner.history.reading import Skipped, SkipTally
from planner.history.source import TextSource
from planner.history.store import Counts, Store


@dataclass(frozen=True, kw_only=True, slots=True)
class FileReport:
    """The result of reading one file.

    Attributes
    ----------
    skipped : mapping of str to (int, list of int)
        Reason -> number of skipped lines and the first of them; from `SkipTally`.
    untrusted : int
        Attempts whose peak counts as missing because they were sampled too few times.
    """

    name: str
    kind: str
    attempts: int
    skipped: Mapping[str, tuple[int, list[int]]]
    untrusted: int

    @property
    def skips(self) -> int:
        """How many lines or jobs were skipped."""
        return sum(count for count, _ in self.skipped.values())


@dataclass(slots=True, eq=False)
class _ImportFile:
    """A file, and its report once it has been read, now or earlier."""

    source: TextSource
    reader: HistoryReader
    digest: str
    report: FileReport | None = None

    def observations(self, options: ReadOptions, lengths_bp: Mapping[str, int]) -> Iterator[Observation]:
        attempts = untrusted = 0
        skipped = SkipTally()
        for one in self.reader.read(self.source, options):
            if isinstance(one, Skipped):
                skipped.add(one)
                continue
            attempts += 1
            untrusted += "MaxRSS" in one.evidence and "not trusted" in one.evidence
            yield with_length(one, lengths_bp)
        self.report = FileReport(
            name=self.source.name,
            kind=self.reader.NAME,
            attempts=attempts,
            skipped=skipped.reasons,
            untrusted=untrusted,
        )


def import_files(
    store_path: Path,
    paths: Sequence[Path],
    options: ReadOptions,
    *,
    lengths_bp: Mapping[str, int],
    kind: str | None = None,
) -> tuple[list[FileReport], Counts]:
    """Read files into a history, which is created if there is something to record.

    A file that was imported before with the same options is not read again, unless the history has changed since.

    Parameters
    ----------
    lengths_bp : mapping of str to int
        Chromosome -> its length, which becomes the feature ``length_mb``.
    kind : str, optional
        The format of all files; by default it is recognised.

    Returns
    -------
    (list of FileReport, Counts)

    Raises
    ------
    InputError
        When a file cannot be used, or none holds an attempt (`NothingReadError`). Nothing is recorded then.
    """
    files = [_opened(path, kind, f"{options!r} {sorted(lengths_bp.items())!r}") for path in paths]
    if store_path.exists():
        with Store.open(store_path) as store:
            for one in files:
                before = store.report(one.digest)
                one.report = None if before is None else FileReport(**json.loads(before))
    known = [one.report for one in files if one.report]
    fresh = [one for one in files if one.report is None]
    found = chain.from_iterable(one.observations(options, lengths_bp) for one in fresh)
    first = list(islice(found, 1))
    if not first and not any(report.attempts for report in known):
        raise NothingReadError([one.report for one in files if one.report])
    with Store.open(store_path) as store:
        counts = store.add(
            chain(first, found),
            guessed=True,
            reports=lambda: {one.digest: json.dumps(asdict(one.report)) for one in fresh if one.report},
        )
    unchanged = counts.unchanged + sum(report.attempts for report in known)
    reports = [one.report for one in files if one.report]
    return reports, Counts(new=counts.new, updated=counts.updated, unchanged=unchanged)


def _opened(path: Path, kind: str | None, said: str) -> _ImportFile:
    source = TextSource.of_file(path)
    reader = reader_for(source, kind)
    return _ImportFile(source, reader, _digest(source, f"{reader.NAME} {said}"))


class NothingReadError(InputError):
    """No file held an attempt; the reports say why."""

    def __init__(self, reports: Sequence[FileReport]) -> None:
        super().__init__("no attempt was read", "the reasons are above; nothing was recorded")
        self.reports = reports


def _digest(source: TextSource, said: str) -> str:
    """Return the hash that identifies an import: of the text, the options, and the version of the reader."""
    digest = sha256(f"{__version__} {source.name} {said}".encode(errors="replace"))
    for chunk in source.chunks():
        digest.update(chunk)
    return digest.hexdigest()
