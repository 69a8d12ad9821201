"""Text among features: collectors, versions, panels."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from observed import observation

from planner.actions import formulas
from planner.actions.observations import read_table
from planner.cli.record import given_features
from planner.core import levels
from planner.core.errors import InputError
from planner.core.records import Observation
from planner.memory.fitting import fit
from planner.memory.saved import dumps, loads

NAMES = ("length_mb", "collector")


def runs(counts: Mapping[str, int], times: Mapping[str, float], *, noise: float = 0.03) -> list[Observation]:
    """Tasks of 200 + 20 x length MB, times what their collector needs."""
    rng = np.random.default_rng(5)
    rows: list[Observation] = []
    for collector, count in counts.items():
        for length in rng.uniform(46, 249, count):
            peak = (200 + 20 * length) * times[collector] * (1 + noise * rng.standard_normal())
            features = {"length_mb": float(length)} | levels.kept("collector", collector)
            rows.append(observation(len(rows), peak, features=features, job_id=str(len(rows))))
    return rows


def task(collector: str, length: float = 150.0) -> dict[str, float]:
    return {"length_mb": length} | levels.kept("collector", collector)


def test_each_level_asks_for_what_its_tasks_needed() -> None:
    model = fit(runs({"serial": 20, "G1": 20}, {"serial": 1, "G1": 1.87}), tool="beagle", feature_names=NAMES)
    serial, g1 = (model.predict(task(collector)) for collector in ("serial", "G1"))
    assert serial.point_mb == pytest.approx(3200, rel=0.05)
    assert g1.point_mb == pytest.approx(1.87 * 3200, rel=0.05)
    assert not g1.outside_range


def test_without_the_text_feature_both_would_be_asked_for_the_same() -> None:
    rows = runs({"serial": 20, "G1": 20}, {"serial": 1, "G1": 1.87})
    without = fit(rows, tool="beagle", feature_names=("length_mb",))
    assert without.predict(task("serial")).request_mb == without.predict(task("G1")).request_mb


def test_a_level_seen_once_among_noise_is_drawn_to_the_others() -> None:
    rows = runs({"one": 30, "two": 30, "three": 30}, {"one": 1, "two": 1, "three": 1}, noise=0.2)
    high = observation(99, 1.5 * 3200, features=task("rare"), job_id="rare")
    model = fit([*rows, high], tool="beagle", feature_names=NAMES)
    assert 3200 * 0.95 < model.predict(task("rare")).point_mb < 3200 * 1.25


def test_a_level_never_seen_is_said_and_asks_for_as_much_as_the_greediest() -> None:
    model = fit(runs({"serial": 20, "G1": 20}, {"serial": 1, "G1": 1.87}), tool="beagle", feature_names=NAMES)
    said = model.predict(task("ZGC"))
    assert said.request_mb == model.predict(task("G1")).request_mb
    assert said.outside_range
    assert "collector ZGC outside the range seen" in said.reason


def test_levels_that_change_nothing_change_no_request() -> None:
    rows = runs({"a": 20, "b": 20}, {"a": 1, "b": 1})
    with_text, without = (fit(rows, tool="beagle", feature_names=names) for names in (NAMES, NAMES[:1]))
    told = [model.predict(task("a")).request_mb for model in (with_text, without)]
    assert told[0] == pytest.approx(told[1], rel=0.03)


def test_times_have_levels_of_their_own() -> None:
    rows = runs({"old": 20, "new": 20}, {"old": 1, "new": 1})
    slow = [
        observation(
            number,
            one.peak_mb or 0,
            features=one.features,
            job_id=one.job_id,
            wall_s=600.0 if "collector=new" in one.features else 3600.0,
        )
        for number, one in enumerate(rows)
    ]
    model = fit(slow, tool="beagle", feature_names=NAMES)
    new, old = (model.predict(task(version)).wall_s or 0.0 for version in ("new", "old"))
    assert old / new == pytest.approx(6.0, rel=0.1)


def test_a_saved_model_keeps_its_levels() -> None:
    model = fit(runs({"serial": 9, "G1": 9}, {"serial": 1, "G1": 2}), tool="beagle", feature_names=NAMES)
    assert loads(dumps(model)).predict(task("G1")) == model.predict(task("G1"))


def test_a_number_may_stand_for_a_level_but_text_not_for_a_number() -> None:
    rows = [observation(n, 2000.0 + n, features={"length_mb": 100.0, "version": 5.4}, job_id=str(n)) for n in range(8)]
    model = fit(rows, tool="beagle", feature_names=("length_mb", "version"))
    with pytest.raises(InputError, match="the text 'beta', the history has numbers"):
        model.predict({"length_mb": 100.0} | levels.kept("version", "beta"))
    mixed = observation(99, 3000.0, features={"length_mb": 100.0} | levels.kept("version", "beta"), job_id="m")
    model = fit([*rows, mixed], tool="beagle", feature_names=("length_mb", "version"))
    assert model.predict({"length_mb": 100.0, "version": 5.4}).point_mb < 2300


def test_a_feature_that_only_others_have_leaves_a_row_out() -> None:
    rows = runs({"serial": 6}, {"serial": 1})
    bare = observation(99, 3200.0, features={"length_mb": 150.0}, job_id="bare")
    assert fit([*rows, bare], tool="beagle", feature_names=NAMES).skipped == {"no feature collector": 1}
    with pytest.raises(InputError, match="needs the feature collector"):
        fit(rows, tool="beagle", feature_names=NAMES).predict({"length_mb": 150.0})


def test_a_table_gives_text_where_that_is_said(tmp_path: Path) -> None:
    table = tmp_path / "runs.csv"
    table.write_text("peak_mb,gc\n100,serial\n190,G 1\n200,\n")
    read = read_table(table, tool="t", features={"collector": "text:gc"})
    assert [row.features for row in read] == [{"collector=serial": 1.0}, {"collector=G 1": 1.0}]
    assert len(read.skipped) == 1


def test_a_recorded_run_may_have_text() -> None:
    assert given_features(["n=3", "collector=text:G1"], []) == {"n": 3.0, "collector=G1": 1.0}
    with pytest.raises(InputError, match="NAME=NUMBER is expected"):
        given_features(["collector=G1"], [])
    with pytest.raises(InputError, match="NAME=NUMBER is expected"):
        given_features(["collector=text:"], [])


def test_a_formula_of_text_is_refused() -> None:
    rows = formulas.usable(runs({"serial": 30}, {"serial": 1}), features=NAMES, tool="beagle")
    wanted = formulas.FormulaSearch(
        features=NAMES, tool="beagle", target="peak_mb", engine="operon", seed=0, most_nodes=30
    )
    with pytest.raises(InputError, match="feature collector is text"):
        formulas.fit(rows, wanted, progress=print)
