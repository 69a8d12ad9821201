"""The public traces of nf-core pipelines: read whole, and replayed as in the Sizey study."""

import pytest
from outside import shared_data

from benchmarks import memory_requests as benchmark
from benchmarks import traces
from planner.core.records import Outcome
from planner.history.labels import Labels, collected
from planner.history.readers import ReadOptions, nextflow
from planner.history.source import TextSource

TRACES = shared_data("traces")


@pytest.mark.parametrize(("name", "completed", "failed"), [("eager", 1576, 0), ("methylseq", 1011, 72)])
def test_public_traces_are_read_whole(name: str, completed: int, failed: int) -> None:
    source = TextSource(name=name, content=(TRACES / f"trace_{name}.csv").read_text())
    read = collected(nextflow.read(source, ReadOptions(labels=Labels())))
    outcomes = [one.outcome for one in read.observations]
    assert (outcomes.count(Outcome.COMPLETED), outcomes.count(Outcome.FAILED), read.skipped) == (completed, failed, ())
    assert len({one.job_id for one in read.observations}) == completed + failed


@pytest.mark.parametrize(
    ("trace", "method", "waste_gbh", "failures"),
    [
        ("methylseq", "preset", 22596, 0),
        ("methylseq", "witt-percentile", 4372, 35),
        ("methylseq", "tovar", 4081, 58),
        ("methylseq", "largest", 1201, 1),
        ("eager", "preset", 2305, 0),
        ("eager", "witt-percentile", 860, 65),
        ("eager", "tovar", 624, 39),
        ("eager", "largest", 561, 3),
    ],
)
def test_published_methods_waste_what_is_published(trace: str, method: str, waste_gbh: int, failures: int) -> None:
    rows = traces.read_trace(TRACES / f"trace_{trace}.csv")
    result = benchmark.run(trace, rows, method, "shuffled", 1996)
    assert abs(result.waste_gbh - waste_gbh) < 1
    assert result.failures == failures


@pytest.mark.parametrize(("trace", "waste_gbh", "failures"), [("methylseq", 335, 6), ("eager", 208, 22)])
def test_the_ensemble_wastes_less_with_fewer_kills(trace: str, waste_gbh: float, failures: int) -> None:
    result = benchmark.run(trace, traces.read_trace(TRACES / f"trace_{trace}.csv"), "chromplan", "shuffled", 1996)
    assert result.waste_gbh <= waste_gbh
    assert result.failures <= failures


@pytest.mark.parametrize(("trace", "waste_gbh", "failures"), [("methylseq", 1000, 26), ("eager", 380, 46)])
def test_from_a_cold_start_too(trace: str, waste_gbh: float, failures: int) -> None:
    rows = traces.read_trace(TRACES / f"trace_{trace}.csv")
    ours = benchmark.run(trace, rows, "chromplan", "submit", 1996)
    assert ours.waste_gbh <= waste_gbh
    assert ours.failures <= failures
    assert ours.failures <= benchmark.run(trace, rows, "paper", "submit", 1996).failures
