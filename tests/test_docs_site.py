"""The documentation as a site: it is built without a warning, holds every page, and fits a telephone and a screen."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import browser
import pytest

TOP = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the site into a folder of the test's own."""
    folder = tmp_path_factory.mktemp("site")
    runpy.run_path(str(TOP / "docs" / "build.py"))["gather"](folder / "build" / "docs")
    (folder / "mkdocs.yml").write_text((TOP / "mkdocs.yml").read_text())
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet"],
        cwd=folder,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stderr
    return folder / "build" / "site"


def test_every_page_is_there_and_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    pages = {path.stem for path in (TOP / "docs").glob("*.md")} - {"README"}
    assert {path.stem for path in (site / "docs").glob("*.html")} >= pages
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert 'src="http' not in text, page
        assert 'rel="stylesheet" href="http' not in text, page


@pytest.mark.skipif(browser.PROGRAM is None, reason=browser.WITHOUT)
@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("page", ["index.html", "docs/tutorial.html", "docs/rounds.html", "docs/peers.html"])
def test_a_page_fits_and_says_nothing_on_the_console(site: Path, page: str, width: int, tmp_path: Path) -> None:
    seen, said = browser.look(site / page, width, folder=tmp_path)
    assert said == []
    assert seen["width"] <= width
