"""Lengths of contigs, read from the files that people have."""

import gzip
import struct
from pathlib import Path

import pytest

from planner.core import bundled, contigs, genomes
from planner.core.errors import InputError

FAI = "chr1\t3000\t6\t60\t61\nchr2\t2000\t3060\t60\t61\nscaffold_7\t10\t6000\t60\t61\n"
VCF = """##fileformat=VCFv4.2
##contig=<ID=chr1,length=3000,assembly=x>
##contig=<length=2000,ID=chr2>
##contig=<ID=unknown_length>
##contig=<ID=scaffold_7,length=10>
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO
chr1\t1\t.\tA\tC\t.\t.\t.
"""
SAM = "@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:3000\n@SQ\tLN:2000\tSN:chr2\n@SQ\tSN:scaffold_7\tLN:10\n"
LENGTHS = {"chr1": 3000, "chr2": 2000, "scaffold_7": 10}


def bam() -> bytes:
    text = SAM.encode()
    references = [(name.encode() + b"\0", length) for name, length in LENGTHS.items()]
    listed = b"".join(struct.pack("<I", len(name)) + name + struct.pack("<I", length) for name, length in references)
    return b"BAM\1" + struct.pack("<I", len(text)) + text + struct.pack("<I", len(references)) + listed


def bcf() -> bytes:
    text = VCF.partition("chr1\t1")[0].encode() + b"\0"
    return b"BCF\2\2" + struct.pack("<I", len(text)) + text


def members(content: bytes) -> bytes:
    """Compressed as bgzip does it: one gzip member after the other."""
    # the time, else, would stand in the names of tests, which every worker is to find alike
    return b"".join(gzip.compress(content[at : at + 40], mtime=0) for at in range(0, len(content), 40))


FILES = {
    "genome.fa.fai": FAI.encode(),
    "genome.dict": SAM.encode(),
    "genome.chrom.sizes": b"# lengths\nchr1\t3000\nchr2\t2000\n\nscaffold_7\t10\n",
    "blanks.sizes": b"chr1 3000\nchr2   2000\nscaffold_7 10\n",
    "panel.vcf": VCF.encode(),
    "panel.vcf.gz": members(VCF.encode()),
    "panel.bcf": members(bcf()),
    "reads.sam": SAM.encode(),
    "reads.bam": members(bam()),
}


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_tells_the_same_contigs_in_their_order(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FILES[name])
    found = contigs.read_lengths(tmp_path / name)
    assert found == LENGTHS
    assert list(found) == list(LENGTHS)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.fai", b"chr1\t10\nchr2\tten\n", "a.fai:2: contig 'chr2' has the length 'ten'"),
        ("a.fai", b"chr1\t0\n", "a.fai:1: contig 'chr1' has the length '0'"),
        ("a.fai", b"chr1\n", "a.fai:1: 'chr1' has no length"),
        ("a.fai", b"chr1\t10\nchr1\t10\n", "a.fai:2: contig 'chr1' is listed twice"),
        ("a.fai", b"", "a.fai: has no contig with a length"),
        ("a.dict", b"@SQ\tSN:chr1\n", "a.dict:1: an @SQ line without SN or LN"),
        ("a.vcf", b"##contig=<ID=chr1>\n#CHROM\n", "a.vcf: has no contig with a length"),
        ("a.vcf.gz", members(VCF.encode())[:70], "a.vcf.gz: its content does not match its name"),
        ("a.bam", b"not a BAM", "a.bam: its content does not match its name"),
        ("a.bam", bam()[:-3], "a.bam: its content does not match its name"),
        ("a.bcf", b"BCF", "a.bcf: its content does not match its name"),
        ("a.fai", b"\xff\xfe\t1\n", "a.fai: its content does not match its name"),
        ("a.fa", b">chr1\nACGT\n", "a.fa: the sequences themselves are not read"),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as error:
        contigs.read_lengths(tmp_path / name)
    assert error.value.message == f"{tmp_path}/{message}"
    assert error.value.hint


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file or directory"):
        contigs.read_lengths(tmp_path / "none.fai")


def test_a_header_of_a_vcf_ends_where_its_records_begin(tmp_path: Path) -> None:
    (tmp_path / "a.vcf").write_text(VCF + "##contig=<ID=late,length=5>\n")
    assert "late" not in contigs.read_lengths(tmp_path / "a.vcf")


@pytest.mark.parametrize("one", bundled.genomes().values(), ids=lambda one: one.name)
def test_every_bundled_genome_has_a_source_and_lengths(one: bundled.BundledGenome) -> None:
    assert one.species
    assert "NCBI" in one.source
    assert all(bp > 0 for bp in one.lengths_bp.values())
    assert all(bundled.find(word.upper()) is one for word in (one.name, *one.also))


def test_no_two_bundled_genomes_share_a_name() -> None:
    words = [word.lower() for one in bundled.genomes().values() for word in (one.name, *one.also)]
    assert len(set(words)) == len(words)


def genome(tmp_path: Path) -> genomes.Genome:
    names = ["chr1", "chr2", "chr10", "chrX", "chrM", "scaffold_1", "scaffold_2", "2L", "HLA-A*01:01:01:01"]
    (tmp_path / "g.fai").write_text("".join(f"{name}\t{length}\n" for length, name in enumerate(names, 100)))
    return genomes.find("g.fai", tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chr1,chr10", ["chr1", "chr10"]),
        ("1-2 X", ["chr1", "chr2", "chrX"]),
        ("chr1-chr2", ["chr1", "chr2"]),
        ("chr1-2", ["chr1", "chr2"]),
        ("MT", ["chrM"]),
        ("scaffold_*", ["scaffold_1", "scaffold_2"]),
        ("chr? chr1", ["chr1", "chr2", "chrX", "chrM"]),
        ("scaffold_[2-9]", ["scaffold_2"]),
        ("!chr* !HLA*", ["scaffold_1", "scaffold_2", "2L"]),
        ("chr*,!chrM,!chrX", ["chr1", "chr2", "chr10"]),
        ("HLA-A*01:01:01:01", ["HLA-A*01:01:01:01"]),
    ],
)
def test_contigs_are_chosen_by_name_range_and_pattern(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert genome(tmp_path).chromosomes(text) == expected


def test_without_a_list_all_contigs_are_meant_and_of_a_human_genome_the_autosomes(tmp_path: Path) -> None:
    assert len(genome(tmp_path).chromosomes(None)) == 9
    assert genomes.find("hg38").chromosomes(None) == [str(number) for number in range(1, 23)]
    assert genomes.find("mm39").chromosomes(None)[-3:] == ["X", "Y", "MT"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chr3", "unknown chromosome 'chr3'"),
        ("1-3", "unknown chromosome '3'"),
        ("chr2-chr1", "the range 'chr2-chr1' runs backwards"),
        ("chr1-scaffold_2", "'chr1-scaffold_2' is not a range of contigs"),
        ("chr1,1", "contig chr1 is listed twice"),
        ("ptg*", "no contig matches 'ptg*'"),
        ("", "the list of chromosomes is empty"),
        ("chr1,!chr1", "the list of chromosomes is empty"),
    ],
)
def test_what_no_contig_is_called_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        genome(tmp_path).chromosomes(text)
    assert error.value.message == message
    assert error.value.hint


def test_labels_are_file_names_and_bare_names_get_chr(tmp_path: Path) -> None:
    labels = genome(tmp_path).labels
    assert [labels[name] for name in ("chr1", "scaffold_1", "2L")] == ["chr1", "scaffold_1", "chr2L"]
    assert labels["HLA-A*01:01:01:01"].startswith("HLA-A_01_01_01_01-")
    assert len(set(labels.values())) == len(labels)
    assert genomes.find("GRCh38").labels["X"] == "chrX"


def test_a_contig_that_is_there_with_and_without_chr_keeps_both_names(tmp_path: Path) -> None:
    (tmp_path / "both.sizes").write_text("1 10\nchr1 20\n")
    assert genomes.find("both.sizes", tmp_path).labels == {"1": "1", "chr1": "chr1"}


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    (tmp_path / "g.sizes").write_text("a 10\n")
    assert genomes.lengths("g.sizes", tmp_path) == {"a": 10}
    (tmp_path / "g.sizes").write_text("a 1000\n")
    assert genomes.lengths("g.sizes", tmp_path) == {"a": 1000}
