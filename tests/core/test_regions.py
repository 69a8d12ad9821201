"""Regions: windows, BED, interval lists, names; what is left of them outside gaps."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.core import gaps, genomes, pipelines, region_files, regions, text_lines
from planner.core.cuts import Cut
from planner.core.errors import FieldError, InputError
from planner.core.genomes import Genome
from planner.core.regions import Region
from planner.project.regions import regions_of

GENOME = Genome(name="toy", lengths_bp={"chr1": 12_000_000, "chr2": 5_000_000, "scaffold_9": 400})
TOML = """
[pipeline]
name = "p"
tool = "t"
genome = "toy.sizes"
command = "run {region} {sample}"
samples = ["s"]
"""


def cut(**given: object) -> Cut:
    return Cut(**{"genome": GENOME, "chromosomes": list(GENOME.lengths_bp), **given})  # type: ignore[arg-type]


def names(found: list[Region]) -> list[str]:
    return [one.name for one in found]


def project(folder: Path, lines: str = "") -> list[Region]:
    (folder / "toy.sizes").write_text("".join(f"{name} {bp}\n" for name, bp in GENOME.lengths_bp.items()))
    (folder / "chromplan.toml").write_text(TOML + lines)
    return regions_of(pipelines.load(folder / "chromplan.toml"), folder)


def test_windows_begin_at_the_first_base_and_the_last_is_what_is_left() -> None:
    assert names(cut().windows(5_000_000)) == [
        *("chr1:1-5000000", "chr1:5000001-10000000", "chr1:10000001-12000000"),
        *("chr2:1-5000000", "scaffold_9:1-400"),
    ]


def test_a_region_names_files_without_signs_that_a_shell_or_a_file_system_minds() -> None:
    assert [one.label for one in cut().windows(6_000_000)][:2] == ["chr1_1-6000000", "chr1_6000001-12000000"]


@given(length=st.integers(1, 500), bases=st.integers(1, 120), gap=st.tuples(st.integers(1, 500), st.integers(0, 200)))
def test_windows_and_gaps_together_cover_every_base_once(length: int, bases: int, gap: tuple[int, int]) -> None:
    first, last = gap[0], min(gap[0] + gap[1], length)
    spans = [(first, last)] if first <= last else []
    found = Cut(genome=Genome(name="", lengths_bp={"c": length}), chromosomes=["c"], gaps={"c": spans}).windows(bases)
    covered = [base for one in found for base in range(one.start or 0, (one.end or 0) + 1)]
    inside = {base for start, end in spans for base in range(start, end + 1)}
    assert len(covered) == len(set(covered))
    assert set(covered) | inside == set(range(1, length + 1))
    for one in found:
        assert {one.start, one.end}.isdisjoint(inside)


def test_a_padded_region_stays_within_its_chromosome() -> None:
    first, *_, last = cut(overlap_bp=250_000, chromosomes=["chr1"]).windows(5_000_000)
    assert first.values()["padded"] == "chr1:1-5250000"
    assert last.values() == {
        "region": "chr1:10000001-12000000",
        "start": "10000001",
        "end": "12000000",
        "padded": "chr1:9750001-12000000",
        "padded_start": "9750001",
        "padded_end": "12000000",
    }


def test_too_many_windows_are_refused_before_they_are_made() -> None:
    with pytest.raises(InputError, match="windows of 1 bp make 17000400 regions"):
        cut().windows(1)


def test_a_bed_file_counts_from_zero(tmp_path: Path) -> None:
    path = tmp_path / "a.bed"
    path.write_text("track name=x\n# c\nchr1\t0\t1000\tfirst\n\n1\t1000\t2000\n")
    assert names(region_files.of_file(path, cut())) == ["chr1:1-1000", "chr1:1001-2000"]


def test_lists_as_gatk_takes_them_count_from_one(tmp_path: Path) -> None:
    (tmp_path / "a.list").write_text("chr1:1-1,000\nchr2\n")
    (tmp_path / "a.interval_list").write_text("@HD\tVN:1.6\n@SQ\tSN:chr1\tLN:12000000\nchr1\t1\t1000\t+\tx\n")
    found = region_files.of_file(tmp_path / "a.list", cut())
    assert names(found) == ["chr1:1-1000", "chr2"]
    assert [one.length_bp for one in found] == [1000, 5_000_000]
    assert names(region_files.of_file(tmp_path / "a.interval_list", cut())) == ["chr1:1-1000"]


@pytest.mark.parametrize(
    ("name", "line", "message"),
    [
        ("a.bed", "chr1\t5", ":1: 'chr1\\t5' is not a line of a BED file"),
        ("a.bed", "chr1\t5\tx", ":1: 'chr1\\t5\\tx' is not a line of a BED file"),
        ("a.bed", "chr1\t5\t5", ":1: chr1:6-5 is not an interval of bases"),
        ("a.bed", "chr7\t0\t5", ":1: unknown chromosome 'chr7'"),
        ("a.bed", "chr2\t0\t5000001", ":1: chr2:1-5000001 ends beyond the end of chr2, 5000000 bp in toy"),
        ("a.list", "chr1:0-5", ":1: chr1:0-5 is not an interval of bases"),
        ("a.list", "whatever", ":1: 'whatever' is not a region"),
        ("a.bed", "", ": there is no region in this file"),
        ("a.bed", "track name=x", ": there is no region in this file"),
        ("a.bed", "tracks_7\t0\t5", ":1: unknown chromosome 'tracks_7'"),
    ],
)
def test_a_wrong_line_of_a_file_is_said(tmp_path: Path, name: str, line: str, message: str) -> None:
    (tmp_path / name).write_text(f"{line}\n")
    with pytest.raises(InputError) as error:
        region_files.of_file(tmp_path / name, cut())
    assert error.value.message == f"{tmp_path / name}{message}"


def test_regions_of_a_file_on_other_chromosomes_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.bed").write_text("chr1\t0\t10\nchr2\t0\t10\n")
    assert names(region_files.of_file(tmp_path / "a.bed", cut(chromosomes=["chr2"]))) == ["chr2:1-10"]


def test_names_are_regions_chromosomes_or_anything_else() -> None:
    found = cut().named([("", "chr1:5-10"), ("", "2"), ("", "chunk 001")])
    assert [one.chromosome for one in found] == ["chr1", "chr2", ""]
    assert [one.length_bp for one in found] == [6, 5_000_000, 0]
    assert found[2].label.startswith("chunk_001-")


@pytest.mark.parametrize("text", ["5", "5 M", "0cM", "cM", "0Mb", "-1Mb", "Mb", "1e3kb", "whole", ""])
def test_what_is_no_way_to_cut_is_refused(text: str) -> None:
    with pytest.raises(FieldError):
        regions.check(text)


@pytest.mark.parametrize(("text", "bases"), [("5Mb", 5_000_000), ("2.5 mb", 2_500_000), ("250kb", 250_000), ("7bp", 7)])
def test_lengths_have_units(text: str, bases: int) -> None:
    assert regions.parse_bases(text) == bases


def test_a_project_without_regions_has_whole_contigs(tmp_path: Path) -> None:
    assert names(project(tmp_path)) == list(GENOME.lengths_bp)


def test_short_contigs_and_gaps_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "gaps.bed").write_text("chr1\t0\t5000000\nchr1\t6000000\t6500000\nother\t0\t5\n")
    found = project(tmp_path, 'regions = "6Mb"\nshortest = "1kb"\ngaps = "gaps.bed"\n')
    assert names(found) == ["chr1:5000001-6000000", "chr1:6500001-12000000", "chr2:1-5000000"]


@pytest.mark.parametrize("genome", ["GRCh37", "GRCh38", "T2T-CHM13"])
def test_gaps_and_centromeres_of_human_genomes_come_with_chromplan(genome: str, tmp_path: Path) -> None:
    of = genomes.find(genome)
    known = gaps.of(genome, tmp_path, of)
    assert set(known) == set(of.lengths_bp) - {"MT"}
    for chromosome, spans in known.items():
        assert all(before[1] + 1 < after[0] for before, after in itertools.pairwise(spans))
        assert any(end - start >= 200_000 for start, end in spans), chromosome  # its centromere
    windows = Cut(genome=of, chromosomes=["1"], gaps=known).windows(1_000_000)
    inside = {one.start for one in Cut(genome=of, chromosomes=["1"]).windows(1_000_000)} - {
        one.start for one in windows
    }
    assert inside
    assert all(
        not start <= (base or 0) <= end for one in windows for base in (one.start, one.end) for start, end in known["1"]
    )


def test_bundled_gaps_are_found_by_any_name_and_for_contigs_of_either_style(tmp_path: Path) -> None:
    (tmp_path / "hg38.sizes").write_text("".join(f"chr{c} {bp}\n" for c, bp in genomes.lengths("GRCh38").items()))
    known = gaps.of("hg38", tmp_path, genomes.find("hg38.sizes", tmp_path))
    assert known["chr1"] == gaps.of("GRCh38", tmp_path, genomes.find("GRCh38"))["1"]


def test_gaps_of_another_genome_and_unknown_ones_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"GRCh38\.tsv:\d+: the gap .* ends beyond the end of chr1, 12000000 bp in toy"
    ):
        gaps.of("GRCh38", tmp_path, GENOME)
    (tmp_path / "own.bed").write_text("chr2\t1\t5000001\n")
    with pytest.raises(InputError, match=r"own\.bed:1: the gap chr2:2-5000001 ends beyond the end"):
        gaps.of("own.bed", tmp_path, GENOME)
    with pytest.raises(InputError, match="'TAIR10' is neither a BED file nor a genome whose gaps come with") as error:
        gaps.of("TAIR10", tmp_path, GENOME)
    assert "GRCh37, GRCh38, T2T-CHM13" in (error.value.hint or "")


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('regions = "none.bed"', "none.bed: No such file or directory"),
        ('regions = ["chr1:1-5", "chr1:1-5"]', "pipeline.regions: region chr1_1-5 is listed twice"),
        ('regions = ["chr1:1-99999999"]', "pipeline.regions[1]: chr1:1-99999999 ends beyond the end of chr1"),
        ("regions = []", "pipeline.regions: the list of regions is empty"),
        ('regions = "5M"', "pipeline.regions: '5M' is not a way to cut chromosomes into regions"),
        ('chromosomes = "7"', "pipeline.chromosomes: unknown chromosome '7'"),
        ('shortest = "1Gb"', "pipeline.shortest: all 3 chosen contigs are shorter than 1Gb"),
        ('overlap = "much"', "pipeline.overlap: 'much' is not a length in bases"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, lines: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        project(tmp_path, f"{lines}\n")
    assert message in error.value.message
    assert error.value.hint


def test_lines_may_end_as_any_system_ends_them(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        path = tmp_path / "own.bed"
        path.write_bytes(f"1\t0\t100{end}{end}1\t200\t300{end}".encode())
        assert list(text_lines.numbered(path, hint="")) == [(1, "1\t0\t100"), (3, "1\t200\t300")]
