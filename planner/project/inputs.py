"""Input files as the source of features: file sizes, variant records, samples."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import Any

from planner.core.errors import InputError


def size(path: str) -> float:
    """Return the bytes of a file, of all files in a folder, or of all that a pattern such as ``reads/*.fq.gz`` matches.

    Raises
    ------
    OSError
        When there is no such file.
    """
    whole = Path(path)
    if whole.exists() or not any(character in path for character in "*?["):
        return float(_bytes(whole))
    root = whole.anchor or "."
    sizes = [_bytes(match) for match in Path(root).glob(str(whole.relative_to(whole.anchor)))]
    if not sizes:
        raise FileNotFoundError(2, "no file matches")
    return float(sum(sizes))


def _bytes(path: Path) -> int:
    if path.is_dir():
        return sum(_bytes(inside) for inside in path.iterdir())
    return path.stat().st_size


@lru_cache(maxsize=256)
def record_counts(path: str) -> dict[str, int]:
    """Return variant records per contig of an indexed VCF or BCF.

    The counts are those that htslib keeps in the index (.tbi or .csi): the records themselves are not read. Contig
    names come without a leading ``chr``.

    Raises
    ------
    OSError
        When there is no such file.
    ValueError
        When it has no index, or is not a VCF or BCF.
    """
    pysam = _pysam()
    Path(path).stat()
    try:
        text: str = pysam.bcftools.index("--stats", path)
    except pysam.SamtoolsError as error:
        if "index" not in str(error).partition("stderr=")[2]:
            raise ValueError("not a VCF or BCF") from error
        if not _is_bgzipped(path):
            raise ValueError("not compressed with bgzip, so it has no index") from error
        raise ValueError(f"no index beside it ('bcftools index {Path(path).name}' makes one)") from error
    counts: Counter[str] = Counter()
    for line in text.splitlines():
        contig, _, count = line.split("\t")
        counts[contig.removeprefix("chr")] += int(count)
    return dict(counts)


def _is_bgzipped(path: str) -> bool:
    """Whether the file starts with a block as SAMv1, section 4.1, describes: gzip with an extra field."""
    with Path(path).open("rb") as stream:
        return stream.read(4) == b"\x1f\x8b\x08\x04"


# samples one after the other ask for the same regions of a file that they share
@lru_cache(maxsize=2**17)
def records(path: str, chromosome: str, span: tuple[int, int] | None = None) -> float:
    """Return the number of variant records of one chromosome, or of an interval of it; 0 when the file has none there.

    For a whole chromosome the count is in the index; for an interval the chromosome's records are read, once.

    Raises
    ------
    OSError
        When there is no such file.
    ValueError
        When it has no index, or is not a VCF or BCF.
    """
    whole = record_counts(path).get(chromosome.removeprefix("chr"), 0)
    if span is None or not whole:
        return float(whole)
    found = _positions(path, chromosome)
    return float(bisect_right(found, span[1]) - bisect_left(found, span[0]))


@lru_cache(maxsize=4)
def _positions(path: str, chromosome: str) -> array[int]:
    """Return the 1-based start positions of a chromosome's records, sorted."""
    pysam = _pysam()
    with pysam.VariantFile(path) as variants:
        plain = chromosome.removeprefix("chr")
        contig = next(name for name in variants.header.contigs if name.removeprefix("chr") == plain)
        return array("q", (record.pos for record in variants.fetch(contig)))


@lru_cache(maxsize=256)
def samples(path: str) -> float:
    """Return the number of samples in the header of a VCF or BCF."""
    pysam = _pysam()
    Path(path).stat()
    try:
        with pysam.VariantFile(path) as variants:
            return float(len(variants.header.samples))
    except (ValueError, OSError) as error:
        raise ValueError("not a VCF or BCF") from error


def _pysam() -> Any:
    try:
        import pysam
        import pysam.bcftools
    except ImportError as error:
        raise InputError(
            "features with records: or samples: need the package pysam", "pip install 'chromplan[records]'"
        ) from error
    # htslib would print its own messages besides ours
    pysam.set_verbosity(0)
    return pysam
