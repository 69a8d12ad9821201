"""The HTML page: whole by itself, and readable on a telephone, on a wide screen, in the light and in the dark."""

import re
import xml.etree.ElementTree as ET
from pathlib import Path

import browser
import pytest
from past_arrays import LENGTHS_BP, Job, arrays, by_chromosome

from planner.advice.advice import advise
from planner.report import advised, svg
from planner.report.page import unbroken

STRANGE = '<script>alert("1")</script> & a name that is much longer than any label has room for'


def page(folder: Path, *jobs: Job) -> Path:
    advised.write(folder / "page.html", [advise(array, lengths_bp=LENGTHS_BP) for array in arrays(*jobs)])
    return folder / "page.html"


@pytest.fixture(scope="module")
def chromosomes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page(tmp_path_factory.mktemp("chromosomes"), *by_chromosome())


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    jobs = [Job(id=f"7_{index}", peak_mb=1000 + 37 * (7 * index % 97), name=STRANGE) for index in range(1, 81)]
    return page(tmp_path_factory.mktemp("many"), *jobs, Job(id="9", name="alone", peak_mb=None, state="FAILED"))


@pytest.mark.parametrize("name", ["chromosomes", "many"])
def test_it_needs_nothing_but_itself(name: str, request: pytest.FixtureRequest) -> None:
    text = request.getfixturevalue(name).read_text()
    assert not re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!data:|#)[^"'>)]""", text)
    assert "http" not in text
    assert "<script" not in text


def test_every_plot_has_a_title_words_for_those_who_do_not_see_it_and_a_table(chromosomes: Path) -> None:
    text = chromosomes.read_text()
    drawings = re.findall(r"<figure>.*?</figure>", text, re.DOTALL)
    assert len(drawings) == 4
    for drawing in drawings:
        root = ET.fromstring(re.search(r"<svg.*</svg>", drawing, re.DOTALL)[0])  # type: ignore[index]
        assert root.find("title").text  # type: ignore[union-attr]
        assert root.find("desc").text  # type: ignore[union-attr]
        assert "(GB)" in drawing or "(GB·h)" in drawing
        assert drawing.count("<tr>") > 4


def test_names_are_text_whatever_they_hold(many: Path) -> None:
    assert "&lt;script&gt;" in many.read_text()


def test_the_numbers_of_the_page_are_those_of_the_advice(chromosomes: Path) -> None:
    text = chromosomes.read_text()
    assert "chromplan sbatch --array=1-22 impute.sh NA12878" in text
    assert "2 were killed for lack of it" in text


@pytest.mark.skipif(browser.PROGRAM is None, reason=browser.WITHOUT)
@pytest.mark.parametrize("name", ["chromosomes", "many"])
@pytest.mark.parametrize(("width", "dark"), [(390, False), (390, True), (1440, False)])
def test_nothing_overflows_and_the_console_is_silent(
    name: str, width: int, dark: bool, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    seen, console = browser.look(request.getfixturevalue(name), width, dark=dark, folder=tmp_path)
    assert console == []
    assert seen["width"] <= width
    assert (seen["wide"], seen["cut"], seen["crossing"], seen["unnamed"]) == ([], [], [], 0)
    assert seen["ink"] == ("rgb(236, 236, 236)" if dark else "rgb(26, 26, 26)")


@pytest.mark.skipif(browser.PROGRAM is None, reason=browser.WITHOUT)
@pytest.mark.parametrize("name", ["chromosomes", "many"])
def test_on_a4_nothing_is_cut_off_not_even_tables(name: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    # 210 mm less the margins, in CSS pixels
    seen, _ = browser.look(request.getfixturevalue(name), 688, printed=True, folder=tmp_path)
    assert (seen["wide"], seen["cut"], seen["crossing"]) == ([], [], [])


@pytest.mark.skipif(browser.PROGRAM is None, reason=browser.WITHOUT)
def test_what_overflows_and_what_fails_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        """<!doctype html><main><div style="width: 500px">wide</div><svg viewBox="0 0 20 20" width="20">
        <text x="1" y="10">much too long</text><text x="1" y="10">above it</text></svg></main>
        <script>console.error("broken")</script>"""
    )
    seen, console = browser.look(tmp_path / "page.html", 390, folder=tmp_path)
    assert "broken" in console[0]
    assert seen["width"] > 390
    assert "DIV." in seen["wide"]
    assert len(seen["cut"]) == 2
    assert seen["crossing"] == ["much too long / above it"]
    assert seen["unnamed"] == 1


def test_no_line_ends_within_an_option_or_between_a_number_and_its_unit() -> None:
    whole = '<span class="whole">{}</span>'
    said = unbroken("against --mem=1024M &lt;for all&gt;: 12.5 % of 1,024 GB·h")
    option, share, amount = (whole.format(one) for one in ("--mem=1024M", "12.5 %", "1,024 GB·h"))
    assert said == f"against {option} &lt;for all&gt;: {share} of {amount}"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("chr20_1-20000000", "chr20 0-20M"),
        ("chr20:40000001-64444167", "chr20 40-64.44M"),
        ("NA12878.chr20_40000001-64444167", "…hr20 40-64.44M"),
        ("a-long-name.chr20_100-200", "….chr20_100-200"),
        ("chr20_1-9", "chr20_1-9"),
    ],
)
def test_a_name_that_does_not_fit_beside_its_bar_is_shortened(name: str, shown: str) -> None:
    assert f">{shown}</text>" in svg.label(120, 0, name)
