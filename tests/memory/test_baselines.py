"""Other ways to choose a request, and the replay that compares them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import memory_requests as benchmark
from benchmarks import traces
from benchmarks.reference import baselines
from benchmarks.reference.baselines import Policy
from benchmarks.reference.baselines_learned import Sizey, SupportVector
from benchmarks.reference.polynomial import fit_polynomial

ROOT = Path(__file__).parent.parent.parent


def taught(policy: Policy, sizes: list[float], peaks: list[float], wall_s: float = 60.0) -> Policy:
    for size, peak in zip(sizes, peaks, strict=True):
        policy.request(size, 4000.0)
        policy.learn(size, peak, wall_s)
    return policy


EVERY: dict[str, Callable[[], Any]] = {
    "preset": baselines.Preset,
    "largest": baselines.Largest,
    "witt-percentile": baselines.WittPercentile,
    "witt-linear": baselines.WittLinear,
    "tovar": baselines.Tovar,
    "paper": lambda: baselines.Paper(tasks=22),
    "chromplan": baselines.Chromplan,
    "svr": SupportVector,
    "sizey": Sizey,
}


@pytest.mark.parametrize("name", EVERY)
def test_every_policy_starts_from_the_preset_names_its_source_and_ends_its_retries(name: str) -> None:
    policy = EVERY[name]()
    assert policy.request(50.0, 4000.0) == 4000.0
    assert len(policy.source) > 10
    taught(policy, list(np.linspace(50, 250, 24)), list(np.linspace(500, 2500, 24)))
    request = policy.request(150.0, 4000.0)
    assert 1400 <= request <= 4000
    failures = 0
    while request < 1e5:
        failures += 1
        further = policy.retry(request, failures)
        assert further > request
        request = further
    assert failures < 20


def test_the_largest_and_the_percentile() -> None:
    peaks = [float(n) for n in range(1, 101)]
    assert taught(baselines.Largest(), [1.0] * 100, peaks).request(1.0, 0) == pytest.approx(105)
    assert taught(baselines.WittPercentile(), [1.0] * 100, peaks).request(1.0, 0) == pytest.approx(95.05)


def test_tovars_first_allocation_is_the_peak_that_wastes_least_with_the_largest_as_retry() -> None:
    peaks = [100.0] * 8 + [170.0, 400.0, 900.0]
    tovar = taught(baselines.Tovar(), [1.0] * 11, peaks)

    def waste(first: float) -> float:
        return sum(first - p if p <= first else first + 900 - p for p in peaks)

    assert tovar.request(1.0, 0) == min(sorted(set(peaks)), key=waste)
    assert 100.0 < tovar.request(1.0, 0) < 900.0
    assert tovar.retry(100.0, 1) == 900.0
    assert tovar.retry(900.0, 2) == pytest.approx(128e9 / 2**20)


def test_witts_line_is_raised_by_the_spread_of_its_errors() -> None:
    exact = taught(baselines.WittLinear(), [1.0, 2.0, 3.0, 4.0, 5.0], [10.0, 20.0, 30.0, 40.0, 50.0])
    assert exact.request(6.0, 0) == pytest.approx(60)
    noisy = taught(baselines.WittLinear(), [1.0, 2.0, 3.0, 4.0, 5.0], [10.0, 20.0, 45.0, 30.0, 60.0])
    assert isinstance(noisy, baselines.WittLinear)
    assert np.std(noisy.errors) > 0.1
    x, y = np.array([1.0, 2, 3, 4, 5]), np.array([10.0, 20, 45, 30, 60])
    line = np.polyval(np.polyfit(x, y, 1), 6.0)
    assert noisy.request(6.0, 0) == pytest.approx(line * (1 + np.std(noisy.errors)))


def test_the_papers_percentile_falls_as_tasks_complete() -> None:
    rng = np.random.default_rng(0)
    sizes = rng.uniform(1, 9, 20)
    peaks = 10 * sizes + rng.normal(0, 3, 20)
    early = taught(baselines.Paper(tasks=200), list(sizes), list(peaks)).request(5.0, 0)
    late = taught(baselines.Paper(tasks=20), list(sizes), list(peaks)).request(5.0, 0)
    assert late < early


def test_while_few_tasks_are_known_a_second_kill_leads_to_the_authors_number() -> None:
    policy = baselines.Chromplan()
    assert policy.retry(100.0, 1) == 200.0
    taught(policy, [1.0, 2.0], [100.0, 110.0])
    first = policy.request(3.0, 4000.0)
    assert policy.retry(first, 1) < 4000.0
    assert policy.retry(300.0, 2) == 4000.0


SAMPLE = benchmark.read_all(None, ["beagle_chr22"])["beagle_chr22"]


def test_a_preset_wastes_what_it_asks_for_above_each_peak() -> None:
    _, online = benchmark.ordered(SAMPLE, "shuffled", 1996)
    result = benchmark.run("x", SAMPLE, "preset", "shuffled", 1996)
    spare = sum((row.preset_mb - row.peak_mb) * row.wall_s for row in online)
    assert result.waste_gbh == pytest.approx(spare * benchmark.GB_H, abs=1e-3)
    assert result.failures == 0


@pytest.mark.parametrize("order", ["shuffled", "submit"])
@pytest.mark.parametrize("method", ["preset", "largest", "witt-percentile", "tovar", "paper"])
def test_the_ensemble_wastes_less_than_published_methods(method: str, order: str) -> None:
    ours, other = (benchmark.run("x", SAMPLE, name, order, 1996) for name in ("chromplan", method))
    assert ours.waste_gbh < other.waste_gbh


def test_a_trace_with_missing_values_is_read(tmp_path: Path) -> None:
    head = "process,rchar,rss,peak_rss,realtime,memory,submit\n"
    good = "".join(f"p,{1000 + n},{(n + 1) * 2**20},{(n + 1) * 2**20},60000,-,{n}\n" for n in range(40))
    (tmp_path / "trace_x.csv").write_text(head + good + "p,-,5,5,1,1,1\np,1,-,-,1,1,1\np,1,5,5,-,1,1\n")
    rows = traces.read_trace(tmp_path / "trace_x.csv")
    assert len(rows) == 40
    result = benchmark.run("x", rows, "largest", "submit", 0)
    assert result.tasks == 40
    assert result.usage_gbh == pytest.approx(sum(range(1, 41)) * 60 * benchmark.GB_H, abs=1e-3)


def test_numbers_that_are_none_leave_a_row_out(tmp_path: Path) -> None:
    rows = "p,1,inf,1000\np,nan,5,1000\np,1,0,1000\np,1,-7,1000\np,1,NA,1000\np,1,1048576,1000\n"
    (tmp_path / "x.csv").write_text("\ufeffprocess,rchar,rss,realtime\n" + rows, encoding="utf-8")
    found = traces.read_trace(tmp_path / "x.csv")
    assert [(row.process, row.peak_mb, row.wall_s) for row in found] == [("p", 1.0, 1.0)]


def wfformat(path: Path, **change: object) -> Path:
    """Write an instance of 40 tasks of one process, each with one input file."""
    workflow: dict[str, object] = {
        "specification": {
            "tasks": [{"name": f"align_ID{n:07}", "id": f"t{n}", "inputFiles": [f"f{n}"]} for n in range(40)],
            "files": [{"id": f"f{n}", "sizeInBytes": 1000 + n} for n in range(40)],
        },
        "execution": {
            "tasks": [{"id": f"t{n}", "runtimeInSeconds": 60, "memoryInBytes": (n + 1) * 2**20} for n in range(40)]
            + [{"id": "t0", "runtimeInSeconds": 5}]
        },
    }
    path.write_text(json.dumps({"schemaVersion": "1.5", "workflow": workflow | change}))
    return path


def test_an_instance_of_wfcommons_is_read_and_replayed(tmp_path: Path) -> None:
    wfformat(tmp_path / "genome.json")
    rows = benchmark.read_all(tmp_path, ["genome"])["genome"]
    assert {row.process for row in rows} == {"align"}
    assert [(row.size, row.peak_mb, row.wall_s) for row in rows[:2]] == [(1000, 1, 60), (1001, 2, 60)]
    assert benchmark.run("x", rows, "largest", "submit", 0).tasks == 40


def test_what_is_not_such_an_instance_is_refused_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"x\.json: not an instance in WfFormat 1\.5: KeyError: 'tasks'"):
        traces.read_wfformat(wfformat(tmp_path / "x.json", execution={}))
    (tmp_path / "y.json").write_text("[")
    with pytest.raises(SystemExit, match=r"y\.json: not an instance"):
        traces.read_wfformat(tmp_path / "y.json")


def test_a_table_of_galaxy_jobs_is_read_and_replayed(tmp_path: Path) -> None:
    jobs = [
        f"toolshed.g2.bx.psu.edu/repos/devteam/bwa/bwa_mem/0.7.{n % 3},2026-01-{28 - n % 28:02},{1000 + n},{60 + n},"
        f"{(n + 1) * 2**20 if n else ''},8192"
        for n in range(40)
    ]
    text = "tool_id,create_time,input_bytes,runtime_seconds,memory.peak,galaxy_memory_mb\n" + "\n".join(jobs)
    (tmp_path / "galaxy.csv").write_text(text + "\nupload1,2025-12-31,5,7,1048576,\n")
    rows = benchmark.read_all(tmp_path, ["galaxy"])["galaxy"]
    assert [(row.process, row.size, row.peak_mb, row.wall_s, row.submit) for row in rows[:1]] == [
        ("upload1", 5, 1, 7, 0)
    ]
    assert {row.process for row in rows[1:]} == {"bwa_mem"}
    assert {row.preset_mb for row in rows[1:]} == {8192}
    assert len(rows) == 40  # one has no peak
    assert benchmark.run("x", rows, "largest", "submit", 0).tasks == 39


def test_older_control_groups_name_the_peak_of_a_galaxy_job_otherwise(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text(
        "tool_id,input_bytes,runtime_seconds,memory.max_usage_in_bytes,memory.memsw.max_usage_in_bytes\n"
        "cat1,1,2,2097152,3145728\ncat1,1,2,2097152,\n"
    )
    assert [row.peak_mb for row in traces.read_any(tmp_path / "x.csv")] == [3, 2]


def test_a_table_of_galaxy_jobs_without_a_column_says_which(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("tool_id,input_bytes\ncat1,1\n")
    with pytest.raises(SystemExit, match=r"x\.csv: no column runtime_seconds, memory\.peak \(or memory\.memsw"):
        traces.read_any(tmp_path / "x.csv")


def test_a_trace_without_a_column_says_which(tmp_path: Path) -> None:
    (tmp_path / "trace_x.csv").write_text("process,rss\np,5\n")
    with pytest.raises(SystemExit, match=r"trace_x\.csv: no column rchar, realtime"):
        traces.read_trace(tmp_path / "trace_x.csv")


def test_tasks_of_unknown_submission_come_last(tmp_path: Path) -> None:
    rows = "".join(f"p,{n},1048576,1000,{submit}\n" for n, submit in enumerate(["-", 5, 3, "-", 1]))
    (tmp_path / "x.csv").write_text("process,rchar,rss,realtime,submit\n" + rows)
    _, online = benchmark.ordered(traces.read_trace(tmp_path / "x.csv"), "submit", 0)
    assert [row.size for row in online] == [4, 2, 1, 0, 3]


def test_traces_are_found_by_name_with_or_without_the_prefix(tmp_path: Path) -> None:
    for name in ("trace_a.csv", "b.csv", "notes.txt"):
        (tmp_path / name).write_text("process,rchar,rss,realtime\n")
    assert set(benchmark.trace_files(tmp_path, [])) == {"a"}
    assert set(benchmark.trace_files(tmp_path, ["a", "b"])) == {"a", "b"}
    (tmp_path / "trace_a.csv").unlink()
    assert set(benchmark.trace_files(tmp_path, [])) == {"b"}
    with pytest.raises(SystemExit, match="no trace c"):
        benchmark.read_all(tmp_path, ["c"])


def test_the_replay_prints_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["x", "--trace", "beagle_chr22", "--method", "preset", "tovar", "--seed", "7", "--json"]
    monkeypatch.setattr(sys, "argv", arguments)
    benchmark.main()
    found = json.loads(capsys.readouterr().out)
    assert [(one["trace"], one["method"], one["seed"], one["tasks"]) for one in found] == [
        ("beagle_chr22", "preset", 7, 47),
        ("beagle_chr22", "tovar", 7, 47),
    ]
    assert set(found[0]) >= {"waste_gbh", "failures", "usage_gbh", "ms_per_prediction"}


def test_the_polynomial_and_its_interpolated_percentile() -> None:
    size = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    value = 2 + 3 * size + np.array([0.0, 1.0, -1.0, 0.0, 0.0])
    fitted = fit_polynomial(size, value)
    assert fitted.upper(3.0, 0.95) == pytest.approx(fitted.mean(3.0) + np.quantile(fitted.residuals, 0.95))
    assert fit_polynomial(size, size**2, degree=2).mean(6.0) == pytest.approx(36)


def test_a_falling_line_gives_way_to_the_mean_and_nothing_falls_below_half_the_least() -> None:
    assert fit_polynomial([1.0, 2.0], [20.0, 10.0]).mean(10.0) == pytest.approx(15)
    assert fit_polynomial([1.0, 2.0, 3.0], [10.0, 100.0, 190.0]).mean(0.0) == pytest.approx(5)
    with pytest.raises(ValueError, match="no observations"):
        fit_polynomial([], [])
