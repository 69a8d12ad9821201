"""``chromplan formula`` and ``fit --symbolic`` as a person uses them: on few rows, on the history, with wrong input."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from formulas import bundled, small
from observed import beagle_runs

from planner.cli import main
from planner.core.records import Quality
from planner.formula import file as formula_files
from planner.formula import formula as formulas
from planner.formula.ranges import Feature
from planner.history.store import Store

RUNS = Path(__file__).parent.parent.parent / "examples" / "data" / "beagle_runs.csv"
FEATURES = "n_threads,n_ref_variants"

CONFIG = """
[pipeline]
name = "impute"
tool = "beagle"
command = "run {chromosome}"
chromosomes = "21,22"

[features]
n_threads = "cpus"
window_cm = 40
n_variants = 900
n_samples = 25
n_ref_variants = 12000
"""


SITE = """
name = "often"
description = "samples every second"
source = "a test"
as_of = 2026-01-01
acctg_freq_s = 1

[[partitions]]
name = "main"
nodes = 1
cores = 8
mem_mb = 16000
default = true
"""


def chromplan(*arguments: object, capsys: pytest.CaptureFixture[str], code: int = 0) -> str:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    assert ended.value.code == code, said.err
    if not code:
        return said.out
    assert len(said.err.splitlines()) == 2
    assert said.err.startswith("error: ")
    return said.err


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Return a table of 14 runs: no engine starts for so few."""
    path = tmp_path / "few.csv"
    path.write_text("\n".join(RUNS.read_text().splitlines()[:15]) + "\n")
    return path


def fit(few: Path, *arguments: object, capsys: pytest.CaptureFixture[str]) -> str:
    base = ("fit", "-C", few.parent, "--symbolic", "--table", few, "--features", FEATURES)
    return chromplan(*base, *arguments, capsys=capsys)


def test_a_fit_shows_the_formula_its_errors_and_what_competed(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = fit(few, capsys=capsys)
    one = formula_files.loads((few.parent / "few.formula.toml").read_text())
    assert (one.tool, one.rows, one.target) == ("few", 14, "peak_rss_mb")
    assert one.text in said
    assert "On rows held out: Pearson" in said
    assert "log-linear" in said
    assert "operon" not in said


def test_the_interface_for_comparison_prints_the_keys_that_were_agreed(
    few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = few.parent / "f.toml"
    told = json.loads(fit(few, "--target", "peak_rss_mb", "--seed", 3, "--out", out, "--json", capsys=capsys))
    assert told["file"] == str(out)
    assert told["seed"] == 3
    found = json.loads(
        chromplan("formula", "check", out, "--table", RUNS, "--target", "peak_rss_mb", "--json", capsys=capsys)
    )
    keys = ["rows", "pearson", "r2", "mape", "nodes", "coverage", "overallocation", "outside_range"]
    assert list(found) == keys
    assert list(found["coverage"]) == list(found["overallocation"]) == ["0.80", "0.90", "0.95"]


def test_only_the_rows_that_are_asked_for_are_used(few: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = json.loads(fit(few, "--where", "design=base", "--where", "gc=serial", "--json", capsys=capsys))
    assert told["rows"] == sum(",base," in line and ",serial," in line for line in few.read_text().splitlines())
    assert told["rows"] < 14


def test_the_history_is_fitted_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Store.open(tmp_path / ".chromplan" / "history.sqlite") as store:
        store.add(beagle_runs()[:16])
    columns = "n_threads,n_ref_variants"
    base = ("fit", "-C", tmp_path, "--symbolic", "--tool", "beagle")
    told = json.loads(chromplan(*base, "--features", columns, "--json", capsys=capsys))
    assert told["rows"] == 16
    path = tmp_path / "beagle.formula.toml"
    said = chromplan("formula", "check", "-C", tmp_path, path, "--history", capsys=capsys)
    assert said.startswith("16 rows, 0 outside the formula's ranges: Pearson")
    assert "95%" in said


def test_short_runs_are_learnt_from_where_the_site_samples_often(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(tmp_path / ".chromplan" / "history.sqlite") as store:
        store.add([replace(run, quality=Quality.SAMPLED, wall_s=20.0) for run in beagle_runs()[:16]])
    options = ("fit", "-C", tmp_path, "--symbolic", "--tool", "beagle", "--features", FEATURES, "--json")
    chromplan(*options, capsys=capsys, code=2)  # sampled every 30 s, 20 s tell nothing
    (tmp_path / "site.toml").write_text(SITE)
    (tmp_path / "chromplan.toml").write_text(CONFIG + '\n[submit]\nsite = "site.toml"\n')
    assert json.loads(chromplan(*options, capsys=capsys))["rows"] == 16


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--symbolic"], "for which tool is the formula?"),
        (["--symbolic", "--table", "TABLE"], "no features are named to predict from"),
        (["--symbolic", "--tool", "a", "--tool", "b"], "a formula belongs to one tool"),
        (["--symbolic", "--tool", "a", "--features", "x", "--where", "gc=serial"], "--where goes with --table"),
        (["--symbolic", "--table", "TABLE", "--features", "n_threads", "--where", "gc"], "--where gc: not a condition"),
        (["--symbolic", "--table", "TABLE", "--features", "n_threads", "--where", "java=17"], "java"),
        (["--symbolic", "--table", "TABLE", "--features", "n_thread"], "n_thread"),
        (["--symbolic", "--table", "TABLE", "--features", "n_threads", "--target", "rss"], "rss"),
        (["--symbolic", "--table", "missing.csv", "--features", "n_threads"], "missing.csv"),
        (["--features", "n_threads"], "--features goes with --symbolic"),
        (["--most-nodes", "10"], "--most-nodes goes with --symbolic"),
    ],
)
def test_a_fit_that_cannot_be_is_refused(
    few: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    given = [str(few) if argument == "TABLE" else argument for argument in arguments]
    assert said in chromplan("fit", "-C", few.parent, *given, capsys=capsys, code=2)
    assert not list(few.parent.glob("*.toml"))


def test_a_law_of_ones_own_keeps_its_whole_numbers_and_gets_its_constants_from_the_rows(
    few: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    law = "60.5 + n_threads*1.5 + 2*0.001*n_ref_variants^0.9"
    fit(few, "--law", law, capsys=capsys)
    (path,) = few.parent.glob("*.toml")
    found = formula_files.loads(path.read_text())
    assert found.engine == "a given law"
    assert "2*" in found.text
    assert "60.5 " not in found.text


@pytest.mark.parametrize(
    ("law", "said"),
    [
        ("1.5 + length_mb", "the law uses length_mb"),
        ("1.5 +", "the formula ends too early"),
        ("+".join(f"{k}.5*n_threads^0.{k}" for k in range(1, 9)), "14 rows for a law with 16 constants"),
    ],
)
def test_a_law_that_cannot_be_fitted_is_refused(
    few: Path, capsys: pytest.CaptureFixture[str], law: str, said: str
) -> None:
    base = ("fit", "-C", few.parent, "--symbolic", "--table", few, "--features", FEATURES)
    assert said in chromplan(*base, "--law", law, capsys=capsys, code=2)


def test_bundled_formulas_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert "beagle" in chromplan("formula", "list", capsys=capsys)
    listed = {one["name"]: one for one in json.loads(chromplan("formula", "list", "--json", capsys=capsys))}
    assert {"beagle", "glimpse2", "minimac4", "plink1.9-grm", "samtools-sort", "bcftools-sort"} <= set(listed)
    one = listed["beagle"]
    assert one["features"]["window_cm"]["unit"] == "cM"
    assert list(one["factors"]) == ["knots_mb", "0.80", "0.90", "0.95", "0.99"]


def test_a_published_formula_says_that_it_is_not_calibrated_and_gives_what_was_published(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (line,) = [row for row in chromplan("formula", "list", capsys=capsys).splitlines() if row.startswith("glimpse2")]
    assert "not calibrated" in line
    text = chromplan("formula", "show", "glimpse2", "--raw", capsys=capsys)
    sites = {"n_rare": 400_000.0, "n_common": 60_000.0}
    of_sites = 0.97e-6 * 4e5 * 4 + 14.6e-6 * 6e4 * 4 + 6.5e-9 * 4.6e5 * 100 + 1.8e-6 * 4.6e5 * math.log(100)
    told_mb = formula_files.loads(text).evaluate({**sites, "n_samples": 100.0, "n_threads": 4.0})
    assert told_mb == pytest.approx((0.8 + of_sites + 0.0137 * 100) * 1e9 / 2**20, rel=1e-4)
    assert "no calibration" in chromplan("formula", "export", "glimpse2", "--to", "awk", capsys=capsys, code=2)


def test_a_formula_is_explained_or_printed_as_its_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(formula_files.dumps(small(errors={"mape": 12.5})))
    said = chromplan("formula", "show", path, capsys=capsys)
    assert "Expected peak of impute, MiB (16 nodes, by hand, 100 rows, 2026-01-31):" in said
    assert "On rows held out: mape 12.5" in said
    assert "length_mb" in said
    assert "95% bound from 100 rows" in said
    assert chromplan("formula", "show", path, "--raw", capsys=capsys) == path.read_text()


def test_a_formula_by_hand_says_that_it_gives_no_bound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(formula_files.dumps(small(calibration=None)))
    assert "this formula gives no bound" in chromplan("formula", "show", path, capsys=capsys)
    assert json.loads(chromplan("formula", "show", path, "--json", capsys=capsys))["factors"] is None
    assert "no calibration" in chromplan("formula", "export", path, "--to", "bash", capsys=capsys, code=2)


def test_an_export_goes_to_a_file_that_says_the_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "memory.sh"
    said = chromplan("formula", "export", "beagle", "--to", "bash", "--level", "0.8", "-o", out, capsys=capsys)
    assert said == f"{out}: bash, 80% bound\n"
    assert "80% bound" in out.read_text()


def test_an_export_can_take_the_level_that_wastes_least(capsys: pytest.CaptureFixture[str]) -> None:
    text = chromplan("formula", "export", "beagle", "--to", "python", "--level", "cheapest", capsys=capsys)
    table = formula_files.loads(chromplan("formula", "show", "beagle", "--raw", capsys=capsys)).calibration
    assert table is not None
    assert f"{table.cheapest_level():.4g}".removeprefix("0.")[:2] in text.splitlines()[0]


@pytest.mark.parametrize("level", ["0", "1.5", "often", "nan"])
def test_a_level_is_a_probability(level: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = chromplan("formula", "export", "beagle", "--to", "awk", "--level", level, capsys=capsys, code=2)
    assert level in said


def test_a_check_needs_one_source_of_runs_and_known_names(capsys: pytest.CaptureFixture[str]) -> None:
    assert "no runs are named" in chromplan("formula", "check", "beagle", capsys=capsys, code=2)
    said = chromplan("formula", "show", "beagel", capsys=capsys, code=2)
    assert "beagel: no such formula" in said
    assert "beagle" in said.splitlines()[1]


# a formula as the first idea of a pipeline's memory


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "chromplan.toml").write_text(CONFIG)
    return tmp_path


def configured(project: Path, memory: str) -> None:
    (project / "chromplan.toml").write_text(CONFIG + f"\n[memory]\n{memory}\n")


def planned(project: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    tasks: list[dict[str, Any]] = json.loads(chromplan("plan", "-C", project, "--json", capsys=capsys))["tasks"]
    return tasks


def remember(project: Path, count: int) -> None:
    with Store.open(project / ".chromplan" / "history.sqlite") as store:
        store.add(beagle_runs()[:count])


def test_the_first_plan_of_a_tool_with_a_bundled_formula_rests_on_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for task in planned(project, capsys):
        assert f"formula beagle ({bundled().rows} rows) 100 %, no observation yet" in task["reason"]
        assert task["request_mb"] > task["predicted_mb"] > 64


def test_what_the_formula_takes_by_itself_stands_among_the_features(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The chromosome's length and a usual panel, where [features] names neither; what it names counts."""
    (lengths, panels) = zip(
        *((task["features"]["segment_mb"], task["features"]["n_ref_samples"]) for task in planned(project, capsys)),
        strict=True,
    )
    assert sorted(lengths) == [46.709983, 50.818468]
    assert set(panels) == {2504.0}
    config = CONFIG.replace("n_samples = 25", "n_samples = 25\nsegment_mb = 5\nn_ref_samples = 90")
    (project / "chromplan.toml").write_text(config)
    assert {task["features"]["segment_mb"] for task in planned(project, capsys)} == {5.0}


def test_a_level_asks_for_that_bound(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    low: list[float] = []
    high: list[float] = []
    for level, found in ((0.6, low), (0.99, high)):
        configured(project, f"level = {level}")
        found += [task["request_mb"] for task in planned(project, capsys)]
    assert all(a < b for a, b in zip(low, high, strict=True))


def test_plans_and_fits_say_how_much_formula_and_observations_count(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    remember(project, 8)
    said = chromplan("fit", "-C", project, capsys=capsys)
    assert "beagle: plans weigh formula beagle 50 %" in said
    (told,) = json.loads(chromplan("fit", "-C", project, "--json", capsys=capsys))
    assert told["prior"]["share"] == 0.5
    for task in planned(project, capsys):
        assert "formula beagle 50 %" in task["reason"]
        assert "8 observations 50 %" in task["reason"]


def test_much_history_decides_without_the_formula(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    remember(project, 80)
    assert not any("formula" in task["reason"] for task in planned(project, capsys))


def test_a_formula_file_can_be_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = small(root=formulas.parse("100 + window_cm").root, features={"window_cm": Feature(low=1, high=50)})
    (project / "mine.toml").write_text(formula_files.dumps(one))
    configured(project, 'formula = "mine.toml"')
    assert all("formula mine (100 rows) 100 %" in task["reason"] for task in planned(project, capsys))


def test_a_task_outside_the_ranges_of_the_formula_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    known = bundled().features["n_variants"]
    (project / "chromplan.toml").write_text(CONFIG.replace("n_variants = 900", "n_variants = 90000"))
    said = f"n_variants 90000 is outside {known.low:g} to {known.high:g}"
    assert all(said in task["reason"] for task in planned(project, capsys))


def test_arithmetic_in_the_configuration_is_taken_as_it_is(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    configured(project, 'formula = "300 + 2*window_cm"')
    assert [task["request_mb"] for task in planned(project, capsys)] == [380, 380]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (small(), "needs the feature length_mb"),
        (small(root=formulas.parse("window_cm").root, features={}, calibration=None), "no calibration table"),
    ],
)
def test_a_formula_file_that_cannot_serve_is_refused(
    project: Path, capsys: pytest.CaptureFixture[str], text: formulas.Formula, said: str
) -> None:
    changed = formula_files.dumps(text)
    if "[features." not in changed:
        changed = changed.replace("\n# Bound", "").rstrip() + "\n[features.window_cm]\nlow = 1\nhigh = 50\n"
    (project / "mine.toml").write_text(changed)
    configured(project, 'formula = "mine.toml"')
    assert said in chromplan("plan", "-C", project, capsys=capsys, code=2)


def test_a_bundled_formula_without_its_features_is_left_alone(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "chromplan.toml").write_text(CONFIG.replace("n_variants = 900", "variants = 900"))
    assert not any("formula" in task["reason"] for task in planned(project, capsys))
