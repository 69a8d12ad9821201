"""Chromosome names, lengths and lists."""

import csv
import heapq
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core import bundled
from planner.core.errors import InputError
from planner.core.genomes import lengths
from planner.core.human import CHROMOSOMES, GENOMES, parse_chromosomes, plain

WORKLOAD = Path(__file__).parents[2] / "examples" / "data" / "cluster_workload.csv"


def natural_order_peak(sizes: list[float], slots: int) -> float:
    """The peak of the sum when each free worker takes the next task and a task's size is also its duration."""
    running: list[tuple[float, float]] = []
    now = held = peak = 0.0
    for size in sizes:
        if len(running) == slots:
            now, ended = heapq.heappop(running)
            held -= ended
        heapq.heappush(running, (now + size, size))
        held += size
        peak = max(peak, held)
    return peak


@pytest.mark.parametrize(("slots", "peak_mb"), [(2, 492.45), (3, 690.47), (5, 1062.54), (7, 1392.80), (10, 1815.91)])
def test_grch37_autosomes_in_natural_order_have_the_peaks_published_for_chromosome_parallelization(
    slots: int, peak_mb: float
) -> None:
    autosomes = [lengths("GRCh37")[name] / 1e6 for name in CHROMOSOMES[:22]]
    assert round(natural_order_peak(autosomes, slots), 2) == pytest.approx(peak_mb, abs=0.011)


def test_grch37_lengths_are_those_of_the_recorded_workload() -> None:
    rows = list(csv.DictReader(WORKLOAD.read_text().splitlines()))
    assert {row["chrom"]: int(row["length"]) for row in rows} == {
        name: length for name, length in lengths("GRCh37").items() if name in CHROMOSOMES[:22]
    }


@pytest.mark.parametrize(
    ("name", "total_bp"),
    [("GRCh37", 3_095_677_412), ("GRCh38", 3_088_269_832), ("T2T-CHM13", 3_117_275_501)],
)
def test_nuclear_chromosomes_sum_to_the_published_assembly_size(name: str, total_bp: int) -> None:
    assert sum(length for chromosome, length in lengths(name).items() if chromosome != "MT") == total_bp


@pytest.mark.parametrize("name", GENOMES)
def test_every_genome_has_all_25_chromosomes_in_order(name: str) -> None:
    assert tuple(lengths(name)) == CHROMOSOMES


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("hg19", "GRCh37"),
        ("b37", "GRCh37"),
        (" GRCh37 ", "GRCh37"),
        ("HG38", "GRCh38"),
        ("grch38", "GRCh38"),
        ("chm13", "T2T-CHM13"),
        ("hs1", "T2T-CHM13"),
        ("T2T-CHM13v2.0", "T2T-CHM13"),
    ],
)
def test_a_genome_is_found_by_its_aliases_in_any_case(word: str, name: str) -> None:
    assert bundled.find(word).name == name
    assert lengths(word) == lengths(name)


def test_an_unknown_genome_is_refused_with_the_one_that_was_meant_or_the_known_ones() -> None:
    with pytest.raises(InputError, match="unknown genome 'hg99'") as error:
        lengths("hg99")
    assert error.value.hint.startswith("did you mean 'hg19'? or give a file with lengths")
    with pytest.raises(InputError, match="unknown genome 'zebra'") as error:
        lengths("zebra")
    assert "known genomes: GRCh37, GRCh38, T2T-CHM13, " in error.value.hint


def test_changing_returned_lengths_changes_no_genome() -> None:
    lengths("GRCh38")["1"] = 0
    assert lengths("GRCh38")["1"] == 248_956_422


@pytest.mark.parametrize(
    ("name", "expected"),
    [("chr1", "1"), ("1", "1"), ("chrM", "MT"), ("M", "MT"), ("chrMT", "MT"), ("CHRx", "X"), (" y ", "Y")],
)
def test_plain_accepts_both_styles_in_any_case(name: str, expected: str) -> None:
    assert plain(name) == expected


@pytest.mark.parametrize(
    ("name", "hint"),
    [("chr23", "PLINK's 23 is X"), ("chr01", "did you mean 1?"), ("221", "did you mean 22"), ("banana", "1-22, X, Y")],
)
def test_an_unknown_chromosome_is_named_with_what_was_probably_meant(name: str, hint: str) -> None:
    with pytest.raises(InputError, match=f"unknown chromosome '{name}'") as error:
        plain(name)
    assert hint in error.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1-22,X", [*CHROMOSOMES[:22], "X"]),
        ("chr1-chr3", ["1", "2", "3"]),
        ("chr20 - chrX", ["20", "21", "22", "X"]),
        ("22, 21 chrM", ["22", "21", "MT"]),
        (["1-2", "X"], ["1", "2", "X"]),
        ([3, 1], ["3", "1"]),
    ],
)
def test_a_list_keeps_the_order_written(text: str | list[str | int], expected: list[str]) -> None:
    assert parse_chromosomes(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1-3,chr2", "chromosome 2 is listed twice"),
        ("X,chrX", "chromosome X is listed twice"),
        ("22-1", "runs backwards"),
        ("", "is empty"),
        (" , ", "is empty"),
        ([], "is empty"),
        ("1-", "unknown chromosome '1-'"),
        ("1-2-3", "unknown chromosome '1-2-3'"),
        ("1-25", "unknown chromosome '25'"),
    ],
)
def test_a_list_that_means_nothing_is_refused(text: str | list[str | int], message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_chromosomes(text)


styles = st.sampled_from([lambda name: name, "chr{}".format, str.lower, lambda name: f"CHR{name}"])


@settings(deadline=None)
@given(st.data())
def test_any_writing_of_distinct_chromosomes_reads_back_as_them(data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from(CHROMOSOMES), min_size=1, unique=True))
    separator = data.draw(st.sampled_from([",", " ", ", ", "\n", " ,"]))
    text = separator.join(data.draw(styles)(name) for name in names)
    assert parse_chromosomes(text) == names


@settings(deadline=None)
@given(st.integers(0, 24), st.integers(0, 24), styles, styles)
def test_a_range_is_every_chromosome_between_its_ends(first: int, last: int, style, other) -> None:  # type: ignore[no-untyped-def]
    text = f"{style(CHROMOSOMES[first])}-{other(CHROMOSOMES[last])}"
    if first > last:
        with pytest.raises(InputError, match="backwards"):
            parse_chromosomes(text)
    else:
        assert parse_chromosomes(text) == list(CHROMOSOMES[first : last + 1])


@settings(deadline=None)
@given(st.text(max_size=20))
def test_any_text_is_read_or_refused_with_a_hint(text: str) -> None:
    try:
        assert set(parse_chromosomes(text)) <= set(CHROMOSOMES)
    except InputError as error:
        assert error.hint
