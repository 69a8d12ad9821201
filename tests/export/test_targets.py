"""The files of each engine: their names, what they hold, and what is refused."""

from __future__ import annotations

import csv
import importlib
import io
import json
import sys
from types import ModuleType
from typing import Any

import plans
import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.core.errors import InputError
from planner.export import targets
from planner.export.rules import Ceiling, Rule, RuleTask, of_plan
from planner.export.targets import nextflow


class Wildcards(dict[str, str]):
    """As Snakemake hands them to a resource function."""


def rule(*tasks: tuple[str, str, tuple[int, ...]], name: str = "impute", time_s: tuple[int, ...] = (630, 1260)) -> Rule:
    return Rule(
        name=name,
        tasks=[
            RuleTask(sample=sample, chromosome=place, cpus=2, mem_mb=mem_mb, time_s=time_s)
            for place, sample, mem_mb in tasks
        ],
    )


@pytest.fixture
def resources(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as it lies in a workflow's folder, beside its chromplan.json."""
    rules = [
        rule(("7", "NA1", (100, 130)), ("7", "NA2", (90, 260)), ("8", "NA1", (80, 104))),
        rule(("20:1-500", "", (40, 52)), name="chunk", time_s=()),
    ]
    for name, text in targets.write(rules, "snakemake").items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "chromplan_resources", raising=False)
    return importlib.import_module("chromplan_resources")


@pytest.mark.parametrize(
    ("wildcards", "attempt", "asked_mb"),
    [
        ({"chrom": "7", "sample": "NA1"}, 1, 100),
        ({"chrom": "chr7", "sample": "NA1"}, 2, 130),
        ({"chromosome": "7", "id": "NA2"}, 2, 260),
        ({"chr": "8", "sample": "NA1"}, 9, 104),
        ({"chrom": "7"}, 1, 100),
        ({"chrom": "7", "sample": "new"}, 2, 260),
        ({"contig": "22", "sample": "NA1"}, 1, 100),
        ({"region": "chr7:1-5000000", "sample": "NA1"}, 1, 100),
        ({}, 1, 100),
    ],
)
def test_snakemake_finds_a_job_by_its_wildcards(
    resources: ModuleType, wildcards: dict[str, str], attempt: int, asked_mb: int
) -> None:
    assert resources.chromplan("impute")(Wildcards(wildcards), attempt) == asked_mb


def test_snakemake_takes_other_wildcards_by_name(resources: ModuleType) -> None:
    asked = resources.chromplan("chunk", chromosome="{c}:{start}-{end}")
    assert asked(Wildcards(c="20", start="1", end="500"), 2) == 52
    assert resources.chromplan("chunk")(Wildcards(chrom="chr20", start="1", end="500"), 2) == 52
    named = resources.chromplan("impute", chromosome="{n}", sample="NA{who}")
    assert named(Wildcards(n="8", who="1"), 1) == 80


def test_snakemake_gets_minutes_and_threads(resources: ModuleType) -> None:
    assert resources.chromplan("impute", "runtime")(Wildcards(chrom="7"), 2) == 21
    assert resources.chromplan("impute", "threads")(Wildcards(chrom="7")) == 2


def test_an_array_of_snakemake_asks_for_the_largest_of_the_rule(resources: ModuleType) -> None:
    assert resources.chromplan("impute", array=True)(Wildcards(chrom="8", sample="NA1"), 2) == 260


def test_a_rule_that_is_not_known_yet_has_its_default_or_is_an_error(resources: ModuleType) -> None:
    assert resources.chromplan("new", default=500)(Wildcards(chrom="7"), 2) == 1000
    assert resources.chromplan("new", "threads", default=4)(Wildcards()) == 4
    with pytest.raises(ValueError, match=r"no rule 'new'; rules there: chunk, impute"):
        resources.chromplan("new")
    with pytest.raises(ValueError, match="'memory' is none of"):
        resources.chromplan("impute", "memory")
    with pytest.raises(ValueError, match="nothing is known of how long chunk runs"):
        resources.chromplan("chunk", "runtime")(Wildcards(), 1)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"rules": 3'])
def test_a_file_that_is_not_an_export_is_named(resources: ModuleType, text: str) -> None:
    resources.FILE.write_text(text)
    with pytest.raises(ValueError, match=r"chromplan\.json cannot be read"):
        resources.chromplan("impute")


def test_without_its_file_only_defaults_are_left(resources: ModuleType) -> None:
    resources.FILE.unlink()
    assert resources.chromplan("impute", default=700)(Wildcards(chrom="7"), 1) == 700
    with pytest.raises(ValueError, match="'chromplan export --to snakemake' writes it"):
        resources.chromplan("impute")


def test_a_table_has_a_row_per_task_and_a_column_per_attempt() -> None:
    plan = plans.plan()
    rows = list(csv.DictReader(io.StringIO(targets.write([of_plan(plan)], "table")["chromplan.tsv"]), delimiter="\t"))
    assert [int(row["mem_mb_1"]) for row in rows] == [one.request_mb for one in plan.tasks]
    assert {int(row["minutes_1"]) * 60 for row in rows} == {one.time_limit_s for one in plan.tasks}
    unknown = targets.write([rule(("1", "", (5, 6, 7, 8)), time_s=())], "table")["chromplan.tsv"]
    assert unknown.splitlines()[1] == "impute\t\t1\t2\t5\t6\t7\t8\t\t\t\t\t"


def test_an_interval_list_has_the_memory_of_each_line() -> None:
    files = targets.write(
        [
            rule(("X", "", (9,)), ("20:5001-10000", "", (6,)), ("20:1-5000", "b", (7,)), ("20:1-5000", "a", (8,))),
            rule(("MT", "", (1,)), ("scaffold_3", "", (2,)), name="call", time_s=()),
            rule(("", "a", (3,)), name="merge"),
        ],
        "intervals",
    )
    assert files == {
        "impute.list": "chr20:1-5000\nchr20:5001-10000\nchrX\n",
        "impute.intervals.tsv": (
            "interval\tmem_mb\tminutes\nchr20:1-5000\t8\t11\nchr20:5001-10000\t6\t11\nchrX\t9\t11\n"
        ),
        "call.list": "chrM\nscaffold_3\n",
        "call.intervals.tsv": "interval\tmem_mb\tminutes\nchrM\t1\t\nscaffold_3\t2\t\n",
    }


def test_wdl_gets_the_tasks_as_inputs_of_the_workflow_and_no_blind_factor() -> None:
    files = targets.write([rule(("7", "NA1", (100, 130)))], "wdl")
    assert json.loads(files["chromplan.inputs.json"]) == {
        "main.impute_tasks": [{"sample": "NA1", "chromosome": "7", "cpu": 2, "mem_mb": 100, "minutes": 11}]
    }
    assert json.loads(files["chromplan.options.json"]) == {"memory_retry_multiplier": 1.0}
    assert "struct ChromplanTask" in files["chromplan.wdl"]


def test_nextflow_is_told_the_limits_of_the_site_where_they_are_known() -> None:
    known = Rule(name="A", tasks=rule(("1", "", (5,))).tasks, ceiling=Ceiling(mem_mb=64_000, time_s=86_400))
    assert "resourceLimits = [memory: '64000 MB', time: '1440m']" in targets.write([known], "nextflow")[nextflow.FILE]
    assert "resourceLimits" not in targets.write([rule(("1", "", (5,)))], "nextflow")[nextflow.FILE]


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=30_000), max_size=20))
def test_a_string_of_nextflows_config_never_exceeds_what_a_class_holds(rows: list[str]) -> None:
    parts = list(nextflow.strings(iter(rows)))
    assert "".join(parts) == "".join(rows).replace("\\", "\\\\").replace("'", "\\'")
    assert all(len(part.encode()) < 65_535 for part in parts)


def test_an_unknown_engine_and_a_name_that_stands_for_two_plans_are_refused() -> None:
    with pytest.raises(InputError, match="not exported to cobol"):
        targets.write([rule()], "cobol")
    with pytest.raises(InputError, match="two plans are called impute"):
        targets.write([rule(), rule()], "table")
