"""What pipeline engines leave: their newer and older shapes, cut anywhere; nothing wrong is recorded from them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from accounts import read_json
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.errors import InputError
from planner.core.records import Observation, Outcome, Quality
from planner.history.labels import Labels, collected, name_pattern
from planner.history.readers import ReadOptions, names, options, reader_for
from planner.history.reading import HistoryRead
from planner.history.source import TextSource


def read(text: str, *, name: str = "file", **labels: Any) -> tuple[str, HistoryRead]:
    source = TextSource(name=name, content=text)
    reader = reader_for(source)
    return reader.NAME, collected(reader.read(source, ReadOptions(labels=Labels(**labels))))


TRACE = """\
task_id;hash;name;status;exit;submit;realtime;peak_rss;memory;attempt
1;ab/1;PHASE (S1_22);FAILED;137;2026-02-09 14:44:43;24m;7.9 GB;8 GB;1
2;ab/2;PHASE (S1_22);COMPLETED;0;2026-02-09 15:44:43;1h 2m 3s;9.5 GB;16 GB;2
3;ab/3;PHASE (S1_1);COMPLETED;0;2026-02-09 14:44:43;2d 1h;6.4 GB;8 GB;1
4;ab/4;INDEX;COMPLETED;0;2026-02-09 14:44:43;12m;512 MB;8 GB;1
"""


@pytest.mark.parametrize("delimiter", [";", "\t", ","])
def test_a_trace_with_any_usual_separator_keeps_the_attempts_of_a_task_apart(delimiter: str) -> None:
    kind, found = read(TRACE.replace(";", delimiter))
    assert kind == "nextflow"
    assert [(one.task, str(one.outcome), one.peak_mb, one.limit_mb) for one in found.observations[:2]] == [
        ("PHASE (S1_22)", "oom", 8192, 8192),
        ("PHASE (S1_22)", "completed", 9728, 16384),
    ]
    assert len({one.key for one in found.observations}) == 4


def test_a_name_pattern_reads_tags_and_skips_other_tasks() -> None:
    _, found = read(TRACE, pattern=name_pattern(r"\((?P<sample>\w+)_(?P<chromosome>\w+)\)"))
    assert [(one.tool, one.sample, one.chromosome) for one in found.observations] == [
        ("PHASE", "S1", "22"),
        ("PHASE", "S1", "22"),
        ("PHASE", "S1", "1"),
    ]
    assert [(one.line, one.reason) for one in found.skipped] == [(5, "tasks whose name does not match the pattern")]


def test_attempts_are_kept_apart_where_the_trace_has_few_columns() -> None:
    text = "name;status;exit;realtime;peak_rss\nP (a);FAILED;1;5s;1 GB\nP (a);COMPLETED;0;6s;2 GB\n"
    _, found = read(text)
    assert len({one.key for one in found.observations}) == 2


def test_an_old_trace_without_peak_rss_gives_rss() -> None:
    text = "task_id\tname\tstatus\texit\trealtime\trss\tvmem\n1\tblast (chr7)\tCOMPLETED\t0\t3m\t1.5 GB\t2 GB\n"
    kind, found = read(text)
    assert (kind, found.observations[0].peak_mb) == ("nextflow", 1536)


EXTENDED = (
    "s\th:m:s\tmax_rss\tmax_vms\tjobid\trule_name\twildcards\tparams\tthreads\tcpu_usage\tresources\tinput_size_mb\n"
    "63.71\t0:01:03\t812.52\t3900.10\t7\timpute\t{'sample': \"O'Hara\", 'chrom': '7'}\t{}\t4\t98.10\t"
    "{'_cores': 4, 'mem_mb': 4000, 'mem_mib': 3815, 'tmpdir': '/tmp'}\t{'a.vcf.gz': 12.5, 'b.vcf.gz': 7.5}\n"
)
JSON_LINES = json.dumps(
    {
        "s": 63.71,
        "max_rss": 812.52,
        "rule_name": "impute",
        "wildcards": {"sample": "O'Hara", "chrom": "7"},
        "threads": 4,
        "resources": {"mem_mb": 4000, "mem_mib": 3815},
        "input_size_mb": {"a.vcf.gz": 12.5, "b.vcf.gz": 7.5},
    }
)


@pytest.mark.parametrize("text", [EXTENDED, JSON_LINES + "\n", JSON_LINES])
def test_an_extended_benchmark_tells_wildcards_limit_and_input(text: str) -> None:
    kind, found = read(text, name="benchmarks/x.jsonl")
    (seen,) = found.observations
    assert (kind, seen.tool, seen.sample, seen.chromosome) == ("snakemake", "impute", "O'Hara", "7")
    assert (seen.peak_mb, seen.limit_mb, seen.cpus, seen.features) == (812.52, 4000, 4, {"input_mb": 20.0})


def test_json_lines_that_were_cut_are_skipped() -> None:
    _, found = read(f"{JSON_LINES}\n{JSON_LINES[:-4]}")
    assert (len(found.observations), [one.line for one in found.skipped]) == (1, [2])


REPORT = """\
,JobID,JobName,RuleName,Elapsed,TotalCPU,NNodes,NCPUS,MaxRSS,ReqMem,Elapsed_sec,TotalCPU_sec,MaxRSS_MB,RequestedMem_MB,MainJobID,CPU Efficiency (%),Memory Usage (%)
2,51.0,python3.12,rule_phase_wildcards_S1_chr7,01:10:00,00:20:00,1,2.0,1468006K,,4200,1200,1433.6,32000.0,51,14.2,4.48
5,52.0,python3.12,rule_index,00:01:10,00:00:20,1,1,31000M,,70,20,31000.0,32000.0,52,29.6,96.9
"""  # noqa: E501 - one row is one line


def test_the_efficiency_report_gives_what_surely_was_not_killed() -> None:
    kind, found = read(REPORT)
    (seen,) = found.observations
    assert (kind, seen.tool, seen.task, seen.chromosome) == ("efficiency", "phase", "phase.S1_chr7", "7")
    assert (seen.peak_mb, seen.limit_mb, seen.wall_s, seen.cpus) == (1433.6, 32000, 4200, 2)
    assert "near their request" in found.skipped[0].reason


def test_a_report_of_a_cluster_without_comments_needs_the_tool() -> None:
    text = REPORT.replace(",RuleName", "").replace(",rule_phase_wildcards_S1_chr7", "").replace(",rule_index", "")
    assert "--tool" in read(text)[1].skipped[0].reason
    assert read(text, tool="phase")[1].observations[0].tool == "phase"


def call(**changes: Any) -> dict[str, Any]:
    plain = {
        "executionStatus": "Done",
        "shardIndex": 3,
        "attempt": 1,
        "returnCode": 0,
        "start": "2026-06-18T15:49:34.661Z",
        "end": "2026-06-18T16:49:34.661Z",
        "runtimeAttributes": {"memory": "8 GB", "cpu": "2"},
        "inputs": {"chromosome": "chr7", "sample": "S1"},
    }
    return plain | changes


def metadata(*calls: dict[str, Any]) -> str:
    return json.dumps({"workflowName": "wf", "workflowRoot": "/x", "id": "1", "calls": {"wf.Phase": list(calls)}})


def test_cromwell_s_metadata_tells_shards_attempts_and_kills() -> None:
    killed = call(executionStatus="RetryableFailure", returnCode=137)
    kind, found = read(
        metadata(killed, call(attempt=2, start="2026-06-18T17:00:00.000Z", end="2026-06-18T18:00:00.000Z"))
    )
    assert kind == "cromwell"
    assert [(one.task, one.sample, one.chromosome, str(one.outcome)) for one in found.observations] == [
        ("Phase.shard3", "S1", "7", "oom"),
        ("Phase.shard3", "S1", "7", "completed"),
    ]
    first, second = found.observations
    assert (first.quality, first.peak_mb, first.limit_mb) == (Quality.CENSORED, 8192, 8192)
    assert (second.quality, second.peak_mb, second.wall_s, second.cpus) == (Quality.MISSING, None, 3600, 2)
    assert first.key != second.key


def test_calls_that_did_not_run_or_are_sub_workflows_are_told_apart() -> None:
    inner = json.loads(metadata(call()))
    document = json.loads(metadata(call(callCaching={"hit": True}), call(executionStatus="Running")))
    document["calls"]["wf.sub"] = [{"subWorkflowMetadata": inner, "executionStatus": "Done"}]
    _, found = read(json.dumps(document))
    assert [one.tool for one in found.observations] == ["Phase"]
    assert {one.reason.partition(":")[0] for one in found.skipped} == {
        "calls from the cache",
        "calls with status 'Running'",
    }


MINIWDL = """\
2026-05-18 10:00:00.123 wdl.w:wf.t:call-Phase-3 NOTICE task setup :: name: "Phase", source: "x.wdl", line: 3
2026-05-18 10:00:01.000 wdl.w:wf.t:call-Phase-3 INFO effective runtime :: cpu: 2, memory_limit: 4294967296
2026-05-18 10:00:10.000 wdl.w:wf.t:call-Phase-3 NOTICE podman run :: pid: 5, log: "x"
2026-05-18 10:10:10.000 wdl.w:wf.t:call-Phase-3 ERROR failed task will be retried :: error: "CommandFailed", message: "task command failed with exit status 137", prev_retries: 0
2026-05-18 10:10:20.000 wdl.w:wf.t:call-Phase-3 NOTICE podman run :: pid: 6, log: "x"
2026-05-18 10:15:00.000 wdl.w:wf.t:call-Phase-3 NOTICE container usage :: cpu_pct: 98, mem_MiB: 3000
2026-05-18 10:16:00.000 wdl.w:wf.t:call-Phase-3 NOTICE container usage :: cpu_pct: 98, mem_MiB: 2000
2026-05-18 10:20:20.000 wdl.w:wf.t:call-Phase-3 NOTICE done
2026-05-18 10:20:20.000 wdl.w:wf.t:call-Index NOTICE task setup :: name: "Index", source: "x.wdl", line: 3
"""  # noqa: E501 - one message is one line


def test_miniwdl_s_log_tells_attempts_kills_and_the_peaks_that_a_plugin_logs() -> None:
    kind, found = read(MINIWDL)
    assert kind == "miniwdl"
    assert [(one.tool, one.task, str(one.outcome), one.peak_mb, one.wall_s) for one in found.observations] == [
        ("Phase", "call-Phase-3", "oom", 4096, 600),
        ("Phase", "call-Phase-3", "completed", 3000, 600),
    ]
    assert "does not tell its end" in found.skipped[0].reason


def test_miniwdl_s_log_as_json_says_the_same() -> None:
    lines = [
        {"message": "task setup", "name": "T", "source": "wdl.t:T", "timestamp": 100.5, "level": "NOTICE"},
        {"message": "effective runtime", "cpu": 4, "memory_reservation": 2**31, "source": "wdl.t:T", "timestamp": 101},
        {"message": "done", "source": "wdl.t:T", "timestamp": 400, "level": "NOTICE"},
    ]
    kind, found = read("".join(json.dumps(line) + "\n" for line in lines))
    (seen,) = found.observations
    assert (kind, seen.tool, seen.limit_mb, seen.cpus, seen.wall_s) == ("miniwdl", "T", 2048, 4, 300)


TABLE = "tool,chrom,note,peak_mb\nb,1,x,2875.5\nb,2,y,1999.25\n"


def test_a_last_value_that_may_be_cut_is_skipped_and_one_that_is_not_used_harms_nothing() -> None:
    _, found = read(TABLE[:-5])
    assert [one.peak_mb for one in found.observations] == [2875.5]
    assert [(one.line, one.reason) for one in found.skipped] == [
        (3, "the last line has no end: 'peak_mb' may be cut there")
    ]
    _, found = read("tool,chrom,peak_mb,note\nb,1,2875.5,x")
    assert [one.peak_mb for one in found.observations] == [2875.5]


SAMPLES: dict[str, str] = {
    "table": TABLE,
    "trace": TRACE,
    "benchmark": EXTENDED,
    "json benchmark": JSON_LINES + "\n" + JSON_LINES.replace("812.52", "815.5") + "\n",
    "report": REPORT,
    "miniwdl": MINIWDL,
    "cromwell": metadata(call(), call(attempt=2)),
}


def numbers(found: HistoryRead) -> set[tuple[object, ...]]:
    return {_numbers(one) for one in found.observations}


def _numbers(one: Observation) -> tuple[object, ...]:
    return (one.tool, one.task, one.outcome, one.peak_mb, one.limit_mb, one.wall_s, one.cpus, str(one.features))


@settings(deadline=None, max_examples=150)
@given(st.sampled_from(sorted(SAMPLES)), st.floats(0, 1))
def test_a_file_cut_anywhere_is_refused_or_what_is_read_of_it_is_right(name: str, share: float) -> None:
    text = SAMPLES[name]
    try:
        _, found = read(text[: int(len(text) * share)])
    except InputError:
        return
    assert numbers(found) <= numbers(read(text)[1])


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(["table", "trace", "report"]), st.randoms(use_true_random=False))
def test_rows_and_columns_of_a_table_mean_the_same_in_any_order(name: str, random: Any) -> None:
    delimiter = ";" if name == "trace" else ","
    rows = [line.split(delimiter) for line in SAMPLES[name].splitlines()]
    order = list(range(len(rows[0])))
    random.shuffle(order)
    body = rows[1:]
    random.shuffle(body)
    text = "".join(delimiter.join(row[place] for place in order) + "\n" for row in [rows[0], *body])
    assert numbers(read(text)[1]) == numbers(read(SAMPLES[name])[1])


def job(**changes: Any) -> dict[str, Any]:
    number: Callable[[int], dict[str, Any]] = lambda value: {"set": True, "infinite": False, "number": value}  # noqa: E731
    plain = {
        "job_id": 9,
        "name": "imp.chr7",
        "cluster": "c",
        "state": {"current": ["COMPLETED"], "reason": "None"},
        "exit_code": {"status": ["SUCCESS"], "return_code": number(0), "signal": {"id": {"set": False, "number": 0}}},
        "time": {"elapsed": 600, "start": 1000, "end": 1600, "submission": 900, "limit": number(60)},
        "tres": {"allocated": [{"type": "mem", "count": 8192}, {"type": "cpu", "count": 2}], "requested": []},
        "steps": [
            {
                "step": {"id": {"job_id": 9, "step_id": number(4294967291)}, "name": "batch"},
                "state": ["COMPLETED"],
                "time": {"elapsed": 600, "start": number(1000), "end": number(1600)},
                "tres": {"requested": {"max": [{"type": "mem", "count": 900 * 1024**2}]}},
            }
        ],
    }
    return plain | changes


def test_json_of_the_newest_versions_is_read() -> None:
    (seen,) = read_json(json.dumps({"jobs": [job()]})).attempts
    assert (seen.name, seen.peak_mb, seen.limit_mb, seen.cpus, seen.submit_s) == ("imp.chr7", 900, 8192, 2, 900)
    assert [step.id for step in seen.steps] == ["9.batch"]


@pytest.mark.parametrize("never", [4294967294, {"set": True, "infinite": False, "number": 4294967294}, {"set": False}])
def test_json_of_a_job_that_never_started_has_no_start(never: object) -> None:
    time = {"elapsed": 0, "start": never, "end": 950, "submission": 900, "limit": {"infinite": True, "set": False}}
    document = {"jobs": [job(state={"current": ["CANCELLED"]}, time=time, steps=[])]}
    (seen,) = read_json(json.dumps(document)).attempts
    assert (seen.outcome, seen.start_s, seen.end_s, seen.time_limit_s) == (Outcome.CANCELLED, None, 950, float("inf"))


def test_every_reader_says_what_it_is_called_and_which_options_it_uses() -> None:
    assert len(set(names())) == len(names())
    assert options()["path_pattern"] == ("--path-pattern", ["snakemake"])
    assert options()["poll_s"] == ("--poll", ["sacct"])
