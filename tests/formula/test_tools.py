"""The formulas of tools that Debian ships, against the rows they rest on."""

import csv
import sys

import pytest

from planner.actions import formulas
from planner.core.files import shipped
from planner.formula import file as formula_files
from planner.formula.formula import Formula

EXAMPLES = shipped("data").parent.parent / "examples"
sys.path.insert(0, str(EXAMPLES / "tools"))
fit = pytest.importorskip("fit_tools")

TOOLS = sorted(fit.LAWS)


def bundled(tool: str) -> Formula:
    return formula_files.loads(formulas.bundled()[tool].read_text(encoding="utf-8"))


def rows(tool: str) -> list[dict[str, float]]:
    with (EXAMPLES / "data" / f"tool_{tool}.csv").open() as stream:
        return [{name: float(cell) for name, cell in row.items() if name != "run_id"} for row in csv.DictReader(stream)]


@pytest.mark.parametrize("tool", TOOLS)
def test_the_bundled_formula_is_what_its_rows_give(tool: str) -> None:
    again, known = fit.fit(tool, "").formula, bundled(tool)
    # to the MiB: another processor may round the last digits of a constant otherwise
    for row in rows(tool):
        assert again.evaluate(row) == pytest.approx(known.evaluate(row), rel=1e-3)
    assert known.rows == len(rows(tool))


@pytest.mark.parametrize("tool", TOOLS)
def test_its_bound_is_enough_for_nearly_all_its_rows(tool: str) -> None:
    one = bundled(tool)
    within = [row["peak_rss_mb"] <= one.bound(row, 0.95).upper_mb for row in rows(tool)]
    assert sum(within) >= 0.9 * len(within)


def test_more_reads_than_the_memory_of_sort_holds_ask_for_no_more() -> None:
    one = bundled("samtools-sort")
    task = {"read_length": 150.0, "n_threads": 2.0, "sort_mem_mb": 300.0}
    full, more = (one.evaluate(task | {"n_reads": reads}) for reads in (3e6, 9e6))
    assert full == more
    assert one.evaluate(task | {"n_reads": 3e5}) < full


def test_the_bound_of_a_relationship_matrix_grows_with_the_square_beyond_its_rows() -> None:
    one = bundled("plink1.9-grm")
    task = {"n_variants": 1000.0, "n_threads": 1.0}
    twice = one.bound(task | {"n_samples": 24_000.0}, 0.95).upper_mb
    assert twice >= 3.9 * one.evaluate(task | {"n_samples": 12_000.0})
