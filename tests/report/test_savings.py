"""What each mode comes to."""

import json
from pathlib import Path

import plans
import pytest

from planner.cli import main
from planner.core.records import Mode
from planner.plan.document import Plan
from planner.report import savings as compare
from planner.site import Partition

ONE_NODE = Partition(name="one", nodes=1, cores=2, mem_mb=64_000)


def timed(mode: Mode, **site: object) -> Plan:
    """Return a plan of four tasks of one hour each."""
    config = plans.config(submit={"mode": mode}, pipeline={"chromosomes": "19-22"})
    plan = plans.plan(config, at=plans.site(partitions=(ONE_NODE,), **site))
    tasks = [task.model_copy(update={"wall_s": 3600.0}) for task in plan.tasks]
    return plan.model_copy(update={"tasks": tasks})


def test_an_array_asks_for_each_tasks_own_memory() -> None:
    plan = timed(Mode.ARRAY)
    found = compare.figures(plan)
    assert found.requested_gb_h == pytest.approx(plan.total_request_mb / 1024)
    assert found.makespan_s == 7200  # four tasks on two cores
    assert (found.jobs, found.submissions) == (4, 1)
    assert found.slurm_calls == 1 + 1 + 4 + 1 + 1 + 1  # sinfo, sbatch, updates, squeue, release, sacct


def test_jobs_are_a_submission_each() -> None:
    found = compare.figures(timed(Mode.JOBS))
    assert (found.jobs, found.submissions, found.slurm_calls) == (4, 4, 5)


def test_tiers_ask_for_the_largest_of_each() -> None:
    plan = timed(Mode.TIERS)
    tiers = [task.model_copy(update={"tier": 0}) for task in plan.tasks]
    found = compare.figures(plan.model_copy(update={"tasks": tiers}))
    assert found.requested_gb_h == pytest.approx(4 * max(task.request_mb for task in plan.tasks) / 1024)
    assert (found.jobs, found.submissions) == (4, 1)


def test_without_durations_only_the_counts_are_known() -> None:
    found = compare.figures(plans.plan())
    assert found.requested_gb_h is None
    assert found.makespan_s is None
    assert found.jobs == 22


def test_where_nodes_are_given_whole_an_allocation_holds_all_of_its_node() -> None:
    plan = timed(Mode.PACKED, mem_policy="whole_node")
    starts = [task.model_copy(update={"start_s": 0.0}) for task in plan.tasks]
    found = compare.figures(plan.model_copy(update={"tasks": starts, "makespan_s": 3600.0}))
    assert found.requested_gb_h == pytest.approx(64_000 / 1024)


def test_an_allocation_is_held_until_its_last_task_ends() -> None:
    plan = timed(Mode.PACKED)
    starts = [task.model_copy(update={"start_s": 1800.0 * task.index}) for task in plan.tasks]
    found = compare.figures(plan.model_copy(update={"tasks": starts, "makespan_s": 9000.0}))
    assert found.makespan_s == 9000
    assert found.requested_gb_h == pytest.approx(plan.batches[0].mem_mb * (3 * 1800 + 3600) / 3600 / 1024)
    assert found.jobs == 1


def project(folder: Path) -> None:
    config = plans.CONFIG.replace('"1-22"', '"20-22"') + '\n[submit]\nsite = "./site.toml"\n'
    (folder / "chromplan.toml").write_text(config)
    (folder / "site.toml").write_text(
        'name = "here"\ndescription = "for tests"\nsource = "made up"\nas_of = 2026-01-01\nscheduler = "builtin"\n'
        '[[partitions]]\nname = "main"\nnodes = 2\ncores = 4\nmem_mb = 4000\n'
    )


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_compare_shows_every_mode_and_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path)
    assert run("plan", "--compare", "--json", "-C", str(tmp_path)) == 0
    rows = {row["mode"]: row for row in json.loads(capsys.readouterr().out)}
    assert list(rows) == ["array", "tiers", "jobs", "packed", "het", "dynamic", "auto"]
    assert rows["het"]["refused"].startswith("mode het: site here schedules with sched/builtin")
    assert rows["auto"]["becomes"] == "jobs"
    assert rows["array"]["jobs"] == 3
    assert not (tmp_path / "rounds").exists()


def test_compare_is_a_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path)
    assert run("plan", "--compare", "-C", str(tmp_path)) == 0
    said = capsys.readouterr().out
    assert "only 3 tasks: a job for each" in said
    assert "durations are not known yet" in said


def test_auto_in_the_configuration_counts_for_every_round(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project(tmp_path)
    config = tmp_path / "chromplan.toml"
    config.write_text(config.read_text() + 'mode = "auto"\n')
    assert run("plan", "--json", "-C", str(tmp_path)) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["mode"] == "jobs"
    assert plan["notes"] == ["mode jobs: only 3 tasks: a job for each, with exactly what it needs"]
