"""The round trip on a real Slurm: one array, kills recognised, a second round, a better third plan."""

from __future__ import annotations

from typing import Any

import pytest
from cluster import Cluster
from pipelines import HOLD_COMMAND, Pipeline

pytestmark = pytest.mark.cluster
ALL = {f"s1.chr{c}": 1 for c in range(1, 23)}


def test_killed_tasks_finish_in_round_2_and_the_next_sample_asks_for_less(cluster: Cluster) -> None:
    pipeline = Pipeline(cluster, command=HOLD_COMMAND, formula="min(110 + 1.1 * length_mb, 302)")
    pipeline.ready()
    pipeline.chromplan("submit")
    first = pipeline.finish()

    # one array, each element with its own memory
    jobs = {row["job_id"].split("_")[0] for row in first.values()}
    assert len(jobs) == 1
    asked = cluster.asked_mb()
    assert all(asked[row["job_id"]] == row["request_mb"] for row in first.values())
    assert len({row["request_mb"] for row in first.values()}) > 15
    # the two largest need more than the formula says
    assert {task: row["outcome"] for task, row in first.items() if row["outcome"] != "completed"} == {
        "s1.chr1": "oom",
        "s1.chr2": "oom",
    }

    plan = pipeline.json("next")
    assert {task["task"] for task in plan["tasks"]} == {"s1.chr1", "s1.chr2"}
    assert all(task["request_mb"] > first[task["task"]]["request_mb"] for task in plan["tasks"])
    pipeline.chromplan("submit")
    second = pipeline.finish()
    assert {row["outcome"] for row in second.values()} == {"completed"}
    assert {row["quality"] for row in second.values()} == {"measured"}
    assert pipeline.ran() == ALL

    pipeline.chromplan("next")
    pipeline.configure(samples='["s2"]')
    third = pipeline.json("plan")
    assert len(third["tasks"]) == 22
    assert third["total_request_mb"] < sum(row["request_mb"] for row in first.values()), learnt(pipeline, third)
    pipeline.chromplan("render")
    pipeline.chromplan("submit")
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}


def learnt(pipeline: Pipeline, plan: Any) -> str:
    """Return what was measured, and what a plan made of it."""
    rows = [
        f"{one['task']}: {one['peak_mb']} MB of {one['limit_mb']}, {one['wall_s']} s, "
        f"{one['outcome']}, {one['quality']}, {one['evidence']}"
        for one in pipeline.json("history", "show")
    ]
    return "\n".join(["", *rows, *(f"{one['task']}: {one['request_mb']} MB, {one['reason']}" for one in plan["tasks"])])


def test_22_elements_are_updated_by_one_scontrol_and_read_by_one_sacct(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster)
    pipeline.ready()
    pipeline.chromplan("submit", env=pipeline.counting("scontrol"))
    planned = [line.split("\t")[1] for line in pipeline.manifest()]
    job = planned[0].partition("_")[0]
    assert planned != [f"{job}_{index}" for index in range(1, 23)], "not the order of the indices"
    # priority/basic starts what was released first: the list is the plan's order
    assert pipeline.calls("scontrol") == ["show config", "", f"release {','.join(planned)}"]
    pipeline.finish()
    pipeline.chromplan("ingest", env=pipeline.counting("sacct"))
    assert len(pipeline.calls("sacct")) == 1
    assert pipeline.calls("sacct")[0].endswith(f"-j {job}")
    # everything is recorded: there is nothing left to ask for
    pipeline.chromplan("ingest", env=pipeline.counting("sacct"))
    assert len(pipeline.calls("sacct")) == 1


def test_the_rendered_submit_script_does_the_same(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster)
    pipeline.ready()
    pipeline.run("bash", "rounds/r001/submit.sh")
    again = pipeline.run("bash", "rounds/r001/submit.sh", check=False)
    assert again.returncode == 1
    assert "submitted already" in again.stderr
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    pipeline.chromplan("ingest")
    assert pipeline.ran() == ALL


HOSTILE = ["a b", "x;rm -rf y", "$(id)", "it's", "Ünï", "-n", '"', "a\nb", "`id`", "\\", "*", "#", "x" * 300]


@pytest.mark.parametrize("mode", ["array", "jobs", "packed", "het"])
def test_hostile_names_reach_the_tool_unchanged(omk_cluster: Cluster, mode: str) -> None:
    # a heterogeneous job needs a node for each of its tasks here
    names = [HOSTILE[7], HOSTILE[3] + HOSTILE[6] + HOSTILE[2]] if mode == "het" else HOSTILE
    command = "printf '%s\\0%s' {sample} {other} > out/{task}; basename \"$PWD\" >> out/{task}"
    name = 'it\'s a $(id) "folder" ü'
    pipeline = Pipeline(omk_cluster, name=name, mode=mode, chromosomes="22", command=command)
    rows = [",".join('"' + cell.replace('"', '""') + '"' for cell in (one, one[::-1])) for one in names]
    pipeline.write("samples.csv", "\n".join(["sample,other", *rows, ""]))
    pipeline.configure(samples='"samples.csv"')
    pipeline.ready()
    pipeline.chromplan("submit")
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    read = [path.read_text() for path in (pipeline.folder / "out").iterdir()]
    assert sorted(read) == sorted(f"{one}\0{one[::-1]}{pipeline.folder.name}\n" for one in names)


def test_a_failure_is_left_to_the_user(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="21,22", command="test {chromosome} = 22")
    pipeline.ready()
    pipeline.chromplan("submit")
    pipeline.finish()
    plan = pipeline.json("next")
    assert plan["tasks"] == []
    assert [left["task"] for left in plan["left_out"]] == ["s1.chr21"]
    assert [t["task"] for t in pipeline.json("next", "--retry-failed")["tasks"]] == ["s1.chr21"]


def test_a_site_that_samples_more_often_than_its_file_says_still_takes_the_jobs(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="22", acctg_freq_s=30)
    pipeline.ready()
    pipeline.chromplan("submit")
    assert [row["outcome"] for row in pipeline.finish().values()] == ["completed"]
