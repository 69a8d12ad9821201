"""Genetic maps in the formats they are published in, windows of a map length, and maps that cannot be right."""

import gzip
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.core import genetic_maps, pipelines
from planner.core.cuts import Cut
from planner.core.errors import InputError
from planner.core.genetic_maps import GeneticMap, Points
from planner.core.genomes import Genome
from planner.core.regions import Region
from planner.project.regions import regions_of

GENOME = Genome(name="toy", lengths_bp={"chr1": 12_000_000, "chr2": 5_000_000})
# 30 cM on chr1, half of it in the last million bases; 10 cM on chr2
PLINK = "1 . 0.0 1000000\n1 . 15.0 11000000\n1 . 30.0 12000000\n2 . 0 1\n2 . 10 5000000\n"
FORMATS = {
    "PLINK, as Beagle's": PLINK,
    "HapMap, of a genome": "Chromosome\tPosition(bp)\tRate(cM/Mb)\tMap(cM)\n"
    "chr1\t1000000\t1.5\t0.0\nchr1\t11000000\t15\t15.0\n"
    "chr1\t12000000\t0\t30.0\nchr2\t1\t2\t0\nchr2\t5000000\t0\t10\n",
    "Eagle": "chr position COMBINED_rate(cM/Mb) Genetic_Map(cM)\n1 1000000 1.5 0\n1 11000000 15 15\n1 12000000 0 30\n"
    "2 1 2 0\n2 5000000 0 10\n",
    "SHAPEIT and GLIMPSE": "pos\tchr\tcM\n1000000\t1\t0\n11000000\t1\t15\n12000000\t1\t30\n1\t2\t0\n5000000\t2\t10\n",
    "deCODE": "# from a paper\n#\n#Chr\tBegin\tEnd\tcMperMb\tcM\n"
    "chr1\t0\t1000000\t0\t0\nchr1\t1000000\t11000000\t1.5\t15\n"
    "chr1\t11000000\t12000000\t15\t30\nchr2\t0\t1\t0\t0\nchr2\t1\t5000000\t2\t10\n",
    "files joined with their headings": "pos chr cM\n1000000 1 0\n11000000 1 15\n12000000 1 30\n"
    "pos chr cM\n1 2 0\n5000000 2 10\n",
}
TOML = """
[pipeline]
name = "p"
tool = "t"
genome = "toy.sizes"
command = "run {region}"
"""


def read(text: str, folder: Path, *, name: str = "toy.map", named: str | None = None) -> GeneticMap:
    content = text.encode()
    (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return genetic_maps.read(named or name, folder, GENOME, list(GENOME.lengths_bp))


def project(folder: Path, lines: str) -> list[Region]:
    (folder / "toy.sizes").write_text("".join(f"{name} {bp}\n" for name, bp in GENOME.lengths_bp.items()))
    (folder / "chromplan.toml").write_text(TOML + lines)
    return regions_of(pipelines.load(folder / "chromplan.toml"), folder)


@pytest.mark.parametrize("text", FORMATS.values(), ids=FORMATS)
@pytest.mark.parametrize("name", ["toy.map", "toy.txt.gz"])
def test_maps_are_read_in_the_formats_that_they_are_published_in(text: str, name: str, tmp_path: Path) -> None:
    found = read(text, tmp_path, name=name)
    assert found.length_cm("chr1", None) == 30
    assert found.length_cm("chr1", (1, 6_000_000)) == 7.5
    assert found.length_cm("chr2", None) == 10


def test_maps_may_come_in_a_file_for_each_chromosome_that_does_not_name_it(tmp_path: Path) -> None:
    heading = "position COMBINED_rate(cM/Mb) Genetic_Map(cM)\n"
    (tmp_path / "chr1.txt").write_text(heading + "1 1 0\n12000000 0 24\n")
    found = read(heading + "1 1 0\n5000000 0 7\n", tmp_path, name="chr2.txt", named="{chromosome}.txt")
    assert (found.length_cm("chr1", None), found.length_cm("chr2", None)) == (24, 7)


def test_x_of_a_human_genome_may_be_23(tmp_path: Path) -> None:
    (tmp_path / "human.map").write_text("23 . 0 1\n23 . 180 150000000\n")
    genome = Genome(name="GRCh38", lengths_bp={"X": 156_040_895})
    assert genetic_maps.read("human.map", tmp_path, genome, ["X"]).length_cm("X", None) == 180


def test_regions_may_be_windows_of_one_map_length(tmp_path: Path) -> None:
    (tmp_path / "toy.map").write_text(PLINK)
    found = project(tmp_path, 'regions = "7.5cM"\nmap = "toy.map"\n')
    assert [one.name for one in found] == [
        *("chr1:1-6000000", "chr1:6000001-11000000", "chr1:11000001-11500000", "chr1:11500001-12000000"),
        *("chr2:1-3750000", "chr2:3750001-5000000"),
    ]


def test_windows_of_the_map_begin_and_end_outside_gaps(tmp_path: Path) -> None:
    (tmp_path / "toy.map").write_text(PLINK)
    (tmp_path / "gaps.bed").write_text("chr1\t0\t900000\n")
    found = project(tmp_path, 'chromosomes = "chr1"\nregions = "20 cM"\nmap = "toy.map"\ngaps = "gaps.bed"\n')
    assert [one.name for one in found] == ["chr1:900001-11333333", "chr1:11333334-12000000"]


@given(
    steps=st.lists(st.tuples(st.integers(1, 10**6), st.floats(0, 5)), min_size=2, max_size=30),
    step_cm=st.floats(0.5, 50),
)
def test_windows_cover_every_base_once_and_none_is_longer_on_the_map_unless_it_is_one_hotspot(
    steps: list[tuple[int, float]], step_cm: float
) -> None:
    bp: list[int] = []
    cm: list[float] = []
    for bases, rise in steps:
        bp.append(bases + (bp[-1] if bp else 0))
        cm.append(rise + (cm[-1] if cm else 0.0))
    points = Points(bp=bp, cm=cm, last="")
    genome = Genome(name="", lengths_bp={"c": bp[-1] + 7})
    if points.total_cm <= 0:
        return
    found = Cut(genome=genome, chromosomes=["c"]).map_windows(step_cm, GeneticMap(points={"c": points}))
    assert (found[0].start, found[-1].end) == (1, bp[-1] + 7)
    assert all(before.end is not None and before.end + 1 == after.start for before, after in pairwise(found))
    lengths = [points.at(one.end or 0) - points.at((one.start or 0) - 1) for one in found]
    pairs = pairwise(zip(bp, cm, strict=True))
    per_base = max((after[1] - before[1]) / (after[0] - before[0]) for before, after in pairs)
    assert max(lengths) <= step_cm + per_base + 1e-6
    assert sum(lengths) == pytest.approx(points.total_cm)


WRONG = {
    "1 . 0.0 1000\n1 . x 2000\n": r"toy\.map:2: '1 \. x 2000' is not a line of a genetic map",
    "1 . 0.0 1000\n1 . 3\n": r"toy\.map:2: .* is not a line of a genetic map",
    "1000 0.0\n": r"toy\.map:1: '1000 0\.0' is not a line",
    "rs1\tC\tT\n": r"toy\.map:1: .* is not a line of a genetic map",
    "1 . 0.0 1000\n\n1 . 1.0 900\n": r"toy\.map:3: 900 bp, 1\.0 cM follows 1000 bp, 0\.0 cM",
    "1 . 2.0 1000\n1 . 1.0 2000\n": r"toy\.map:2: 2000 bp, 1\.0 cM follows 1000 bp, 2\.0 cM",
    "1 . 0 1000\n1 . nan 2000\n": r"toy\.map:2: 2000 bp, nan cM is not a place",
    "1 . 0 0\n1 . 1 2000\n": r"toy\.map:1: 0 bp, 0\.0 cM is not a place",
    "1 rs1 0 1000\n1 rs2 0 2000\n": r"toy\.map:2: all positions of chr1 are at 0 cM",
    "1 . 0 1000\n1 . 9 12000001\n": r"toy\.map:2: 12000001 is beyond the end of chr1, 12000000 bp in toy",
    "1 . 0 1000\n1 . 9 11000000\n": r"toy\.map: no position on chromosome chr2; chromosomes of this map: 1",
    "": r"toy\.map: there is no position in this map",
    "pos chr cM\n": r"toy\.map: there is no position in this map",
}


@pytest.mark.parametrize(("text", "said"), WRONG.items(), ids=range(len(WRONG)))
def test_a_map_that_cannot_be_right_is_refused_and_its_line_named(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=said) as refused:
        read(text, tmp_path)
    assert refused.value.hint not in ("", refused.value.message)


def test_a_file_that_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.map: No such file"):
        genetic_maps.read("gone.map", tmp_path, GENOME, ["chr1"])
    (tmp_path / "cut.map.gz").write_bytes(gzip.compress(PLINK.encode())[:-20])
    with pytest.raises(InputError, match=r"cut\.map\.gz: it cannot be read as text"):
        genetic_maps.read("cut.map.gz", tmp_path, GENOME, ["chr1"])


def test_windows_in_centimorgans_without_a_map_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="regions: windows of 20cM need a genetic map") as refused:
        project(tmp_path, 'regions = "20cM"\n')
    assert "map = " in refused.value.hint
