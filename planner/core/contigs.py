"""Lengths of contigs from .fai, .dict and .sizes files, and from the headers of VCF, BCF, SAM and BAM files."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from planner.core.errors import InputError
from planner.core.text_lines import opened

_KNOWN = "known formats: .fai, .dict, .sizes (name and length), and headers of .vcf, .vcf.gz, .bcf, .sam and .bam"
_TABLES = (".fai", ".sizes", ".genome")
_FASTA = (".fa", ".fasta", ".fna", ".fa.gz", ".fasta.gz", ".fna.gz")
_NAMED = re.compile(r"(?:<|,)ID=([^,>]+)")
_LONG = re.compile(r"(?:<|,)length=([0-9]+)(?=[,>])")
# largest plausible header: longer text is not a header
_MOST_BYTES = 64 * 2**20

_Named = tuple[int, str, str]  # line, contig, length as written


def is_file_name(word: str) -> bool:
    """Whether a word is a file name rather than the name of a genome."""
    return "/" in word or word.lower().endswith((*_TABLES, *_FASTA, ".dict", ".vcf", ".vcf.gz", ".bcf", ".sam", ".bam"))


def read_lengths(path: Path) -> dict[str, int]:
    """Return contig -> length in bp from a file, with the names and order of the file.

    Raises
    ------
    InputError
        For another kind of file, no contigs, a contig without a length or listed twice; names file and line.
    """
    name = path.name.lower()
    if name.endswith(_FASTA):
        raise InputError(
            f"{path}: the sequences themselves are not read",
            f"give its index, {path.name}.fai: samtools faidx makes it",
        )
    try:
        found = _collected(path, list(_contigs(path, name)))
    except (OSError, EOFError, zlib.error, struct.error, UnicodeDecodeError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "its content does not match its name"
        raise InputError(f"{path}: {reason}", f"pipeline.genome is a genome's name or such a file; {_KNOWN}") from None
    if not found:
        raise InputError(f"{path}: has no contig with a length", _KNOWN)
    return found


def _contigs(path: Path, name: str) -> Iterator[_Named]:
    if name.endswith(_TABLES):
        return _table(path)
    if name.endswith((".dict", ".sam")):
        return _sam(path, _lines(path, "@"))
    if name.endswith((".vcf", ".vcf.gz")):
        return _vcf(_lines(path, "##"))
    if name.endswith(".bcf"):
        return _vcf(enumerate(_bcf_header(path).splitlines(), 1))
    if name.endswith(".bam"):
        return _bam(path)
    raise InputError(f"{path}: lengths of contigs are not read from such a file", _KNOWN)


def _collected(path: Path, named: Iterable[_Named]) -> dict[str, int]:
    found: dict[str, int] = {}
    for line, contig, written in named:
        if not (written.isascii() and written.isdecimal()) or not 0 < int(written) < 2**40:
            raise InputError(
                f"{path}:{line}: contig {contig!r} has the length {written!r}",
                "a whole number of bases is expected, 1 or more",
            )
        if contig in found:
            raise InputError(f"{path}:{line}: contig {contig!r} is listed twice", "remove one of the two lines")
        found[contig] = int(written)
    return found


def _lines(path: Path, begin: str) -> Iterator[tuple[int, str]]:
    """Yield the first lines of a file that start with ``begin``, with their numbers."""
    read = 0
    with opened(path) as stream:
        for number, raw in enumerate(stream, 1):
            read += len(raw)
            line = raw.decode("utf-8").rstrip("\r\n")
            if not line.startswith(begin) or read > _MOST_BYTES:
                return
            yield number, line


def _table(path: Path) -> Iterator[_Named]:
    with opened(path) as stream:
        for number, raw in enumerate(stream, 1):
            cells = raw.decode("utf-8").rstrip("\r\n").split("\t")
            if len(cells) < 2:
                cells = cells[0].split()
            if not cells or not cells[0] or cells[0].startswith("#"):
                continue
            if len(cells) < 2:
                raise InputError(
                    f"{path}:{number}: {cells[0][:40]!r} has no length", "each line has a contig and its length in bp"
                )
            yield number, cells[0], cells[1].strip()


def _sam(path: Path, lines: Iterable[tuple[int, str]]) -> Iterator[_Named]:
    for number, line in lines:
        if line.startswith("@SQ"):
            fields = dict(cell.split(":", 1) for cell in line.split("\t")[1:] if ":" in cell)
            if "SN" not in fields or "LN" not in fields:
                raise InputError(f"{path}:{number}: an @SQ line without SN or LN", "samtools dict writes such a file")
            yield number, fields["SN"], fields["LN"]


def _vcf(lines: Iterable[tuple[int, str]]) -> Iterator[_Named]:
    for number, line in lines:
        if line.startswith("##contig="):
            named, long = _NAMED.search(line), _LONG.search(line)
            if named and long:  # the length is optional in a VCF header
                yield number, named[1], long[1]


def _bcf_header(path: Path) -> str:
    """Return the text of a BCF's header (VCF specification, 6.2)."""
    with opened(path) as stream:
        if stream.read(3) != b"BCF":
            raise ValueError("not a BCF")
        _, _, size = struct.unpack("<BBI", _exactly(stream, 6))
        return _exactly(stream, size).rstrip(b"\0").decode("utf-8")


def _bam(path: Path) -> Iterator[_Named]:
    """Yield the reference sequences of a BAM (SAM specification, 4.2), listed after the text of its header."""
    with opened(path) as stream:
        if stream.read(4) != b"BAM\1":
            raise ValueError("not a BAM")
        (size,) = struct.unpack("<I", _exactly(stream, 4))
        _exactly(stream, size)
        (count,) = struct.unpack("<I", _exactly(stream, 4))
        for number in range(1, count + 1):
            (size,) = struct.unpack("<I", _exactly(stream, 4))
            name = _exactly(stream, size).rstrip(b"\0").decode("utf-8")
            (length,) = struct.unpack("<I", _exactly(stream, 4))
            yield number, name, str(length)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    if size > _MOST_BYTES:
        raise ValueError("longer than any header")
    found = stream.read(size)
    if len(found) != size:
        raise EOFError("cut off")
    return found
