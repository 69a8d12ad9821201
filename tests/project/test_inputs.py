"""Reading the inputs that features are made of."""

import gzip
import re
import sys
from pathlib import Path

import pytest

from planner.core.errors import InputError
from planner.project import inputs

HEADER = "##fileformat=VCFv4.2\n##contig=<ID=chr1,length=1000>\n##contig=<ID=chr2,length=900>\n"
HEADER += '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
HEADER += "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ts1\ts2\ts3\n"


@pytest.fixture
def variants(tmp_path: Path) -> Path:
    """An indexed VCF: seven records on chr1, none on chr2, three samples."""
    pysam = pytest.importorskip("pysam")
    plain = tmp_path / "ref.vcf"
    plain.write_text(HEADER + "".join(f"chr1\t{i}\t.\tA\tC\t.\t.\t.\tGT\t0/1\t0/0\t1/1\n" for i in range(1, 8)))
    pysam.tabix_index(str(plain), preset="vcf", force=True)
    return tmp_path / "ref.vcf.gz"


def test_size_is_the_bytes_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "a[1].vcf").write_bytes(b"12345")
    assert inputs.size(str(tmp_path / "a[1].vcf")) == 5.0


def test_the_size_of_a_pattern_is_the_sum(tmp_path: Path) -> None:
    for name in ("a.fq", "b.fq", "c.txt"):
        (tmp_path / name).write_bytes(b"123")
    assert inputs.size(str(tmp_path / "*.fq")) == 6.0


def test_the_size_of_a_folder_is_that_of_all_files_in_it(tmp_path: Path) -> None:
    (tmp_path / "index" / "deep").mkdir(parents=True)
    for name in ("index/a.bwt", "index/deep/b.sa"):
        (tmp_path / name).write_bytes(b"1234")
    assert inputs.size(str(tmp_path / "index")) == 8.0
    assert inputs.size(str(tmp_path / "ind*")) == 8.0


@pytest.mark.parametrize("name", ["absent.vcf", "*.absent"])
def test_the_size_of_what_is_not_there_is_an_os_error(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileNotFoundError):
        inputs.size(str(tmp_path / name))


def test_records_are_counted_per_chromosome_under_either_name_style(variants: Path) -> None:
    assert inputs.records(str(variants), "1") == 7.0
    assert inputs.records(str(variants), "chr1") == 7.0
    assert inputs.records(str(variants), "2") == 0.0


def test_records_of_regions_are_counted_once_for_all_samples(tmp_path: Path) -> None:
    pysam = pytest.importorskip("pysam")
    contigs = [f"c{number}" for number in range(9)]
    head = "##fileformat=VCFv4.2\n" + "".join(f"##contig=<ID={one},length=1000>\n" for one in contigs)
    rows = "".join(f"{one}\t{at}\t.\tA\tC\t.\t.\t.\n" for one in contigs for at in (1, 100, 101, 500, 500, 1000))
    (tmp_path / "all.vcf").write_text(f"{head}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n{rows}")
    pysam.tabix_index(str(tmp_path / "all.vcf"), preset="vcf", force=True)
    path = tmp_path / "all.vcf.gz"
    spans = {(1, 100): 2.0, (101, 499): 1.0, (500, 500): 2.0, (501, 999): 0.0, (1000, 1000): 1.0}
    for _ in range(2):
        assert {(one, span): inputs.records(str(path), one, span) for one in contigs for span in spans} == {
            (one, span): count for one in contigs for span, count in spans.items()
        }
        path.unlink(missing_ok=True)  # the next sample's regions need no more of it


def test_samples_are_those_of_the_header(variants: Path) -> None:
    assert inputs.samples(str(variants)) == 3.0


def test_a_file_without_an_index_says_how_to_make_one(variants: Path, tmp_path: Path) -> None:
    bare = tmp_path / "bare.vcf.gz"
    bare.write_bytes(variants.read_bytes())
    with pytest.raises(ValueError, match=re.escape("no index beside it ('bcftools index bare.vcf.gz' makes one)")):
        inputs.records(str(bare), "1")


def test_a_file_that_bgzip_has_not_compressed_says_so(variants: Path, tmp_path: Path) -> None:
    plain = tmp_path / "plain.vcf"
    plain.write_bytes(gzip.decompress(variants.read_bytes()))
    with pytest.raises(ValueError, match="not compressed with bgzip"):
        inputs.records(str(plain), "1")
    (tmp_path / "notes.txt").write_text("no variants here")
    with pytest.raises(ValueError, match="not a VCF or BCF"):
        inputs.records(str(tmp_path / "notes.txt"), "1")


def test_what_is_no_vcf_is_a_value_error(tmp_path: Path) -> None:
    pytest.importorskip("pysam")
    (tmp_path / "x.vcf.gz").write_text("no variants here")
    with pytest.raises(ValueError, match="not a VCF or BCF"):
        inputs.samples(str(tmp_path / "x.vcf.gz"))
    with pytest.raises(FileNotFoundError):
        inputs.samples(str(tmp_path / "absent.vcf.gz"))


def test_without_pysam_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pysam", None)
    with pytest.raises(InputError) as raised:
        inputs.samples("anything.vcf.gz")
    assert "chromplan[records]" in raised.value.hint
