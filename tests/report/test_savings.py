"""What each mode comes to."""

import json
from pathlib import Path

import plans
import pytest

from planner.cli import main
from planner.core.memory_time import in_words
from planner.core.modes import Mode
from planner.plan.overheads import NEXT_JOB_S
from planner.report import savings as compare
from planner.report.reserved import reservations
from planner.scripts.jobs import jobs
from planner.site import Partition


def test_an_array_asks_for_each_tasks_own_memory() -> None:
    plan = plans.hour_long(Mode.ARRAY)
    found = compare.figures(plan)
    assert found.requested_gb_h == pytest.approx(plan.total_request_mb / 1024)
    assert found.makespan_s == 7200 + NEXT_JOB_S  # four tasks on two cores
    assert (found.jobs, found.submissions) == (4, 1)
    assert found.slurm_calls == 1 + 1 + 4 + 1 + 1 + 1  # sinfo, sbatch, updates, squeue, release, sacct


def test_jobs_are_a_submission_each() -> None:
    found = compare.figures(plans.hour_long(Mode.JOBS))
    assert (found.jobs, found.submissions, found.slurm_calls) == (4, 4, 5)


def test_tiers_ask_for_the_largest_of_each() -> None:
    plan = plans.hour_long(Mode.TIERS)
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
    plan = plans.hour_long(Mode.PACKED, mem_policy="whole_node")
    starts = [task.model_copy(update={"start_s": 0.0}) for task in plan.tasks]
    found = compare.figures(plan.model_copy(update={"tasks": starts, "makespan_s": 3600.0}))
    assert found.requested_gb_h == pytest.approx(64_000 / 1024)


def test_an_allocation_is_held_until_its_last_task_ends() -> None:
    plan = plans.hour_long(Mode.PACKED)
    starts = [task.model_copy(update={"start_s": 1800.0 * task.index}) for task in plan.tasks]
    found = compare.figures(plan.model_copy(update={"tasks": starts, "makespan_s": 9000.0}))
    assert found.makespan_s == 9000
    assert found.requested_gb_h == pytest.approx(plan.batches[0].mem_mb * (3 * 1800 + 3600) / 3600 / 1024)
    assert found.jobs == 1


ALL_MODES = [Mode.ARRAY, Mode.TIERS, Mode.JOBS, Mode.PACKED, Mode.DYNAMIC]


@pytest.mark.parametrize("mode", ALL_MODES)
def test_what_is_reserved_is_what_the_jobs_ask_of_slurm(mode: Mode) -> None:
    plan = plans.hour_long(mode)
    asked = sum(job.mem_mb * (len(job.tasks) if job.array or not job.runs_steps else 1) for job in jobs(plan))
    found = compare.savings(plan)
    if mode is Mode.ARRAY:  # held at the largest, then each element is given its own
        assert found.reserved_mb == plan.total_request_mb < asked
    else:
        assert found.reserved_mb == asked


def test_an_allocation_reserves_its_scripts_share_too() -> None:
    plan = plans.hour_long(Mode.PACKED)
    assert compare.savings(plan).reserved_mb == sum(batch.mem_mb for batch in plan.batches)
    assert all(batch.mem_mb > batch.pool_mb for batch in plan.batches)


def test_the_components_of_a_heterogeneous_job_are_held_until_the_last_task_ends() -> None:
    types = (
        Partition(name="thin", nodes=4, cores=16, mem_mb=4_000, default=True),
        Partition(name="fat", nodes=1, cores=16, mem_mb=64_000),
    )
    config = plans.config(submit={"mode": Mode.HET}, memory={"pilot": 0})
    plan = plans.plan(config, at=plans.site(partitions=types))
    assert plan.mode is Mode.HET
    plan = plan.model_copy(update={"makespan_s": 7200.0})
    held = reservations(plan)
    assert [one.mem_mb for one in held] == [batch.mem_mb for batch in plan.batches]
    assert {one.wall_s for one in held} == {7200.0}


def test_one_mem_for_all_is_the_largest_request_for_each() -> None:
    plan = plans.hour_long(Mode.ARRAY)
    largest_mb = max(task.request_mb for task in plan.tasks)
    found = compare.savings(plan)
    assert (found.one_mem_mb, found.one_mem_sum_mb) == (largest_mb, 4 * largest_mb)
    assert found.share == pytest.approx(1 - plan.total_request_mb / (4 * largest_mb))
    assert f"one --mem={largest_mb}M for all would reserve" in found.sentence()
    one = compare.one_mem_figures(plan)
    assert (one.jobs, one.submissions, one.slurm_calls) == (4, 1, 2)
    assert one.requested_gb_h == pytest.approx(4 * largest_mb / 1024)


def test_without_durations_memory_alone_is_compared_and_only_where_tasks_do_not_take_turns() -> None:
    jobs_only = compare.savings(plans.plan())
    assert jobs_only.reserved_mb_s is None
    assert "one --mem=" in jobs_only.sentence()
    packed = compare.savings(plans.plan(plans.config(submit={"mode": Mode.PACKED})))
    assert packed.share is None
    assert "known once durations are" in packed.sentence()


@pytest.mark.parametrize(("share", "words"), [(0.34, "34 % saved"), (-0.05, "5 % more")])
def test_what_is_lost_is_told_as_plainly_as_what_is_saved(share: float, words: str) -> None:
    assert in_words(share) == words


def test_where_nothing_is_saved_nothing_is_said_of_it() -> None:
    plan = plans.hour_long(Mode.ARRAY)
    alike = plan.model_copy(
        update={"tasks": [task.model_copy(update={"request_mb": 500, "wall_s": 3600.0}) for task in plan.tasks]}
    )
    assert compare.savings(alike).sentence() == "reserves 1.95 GB·h"


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
    assert list(rows) == ["array", "tiers", "jobs", "packed", "het", "dynamic", "auto", "one --mem"]
    assert rows["one --mem"]["reserved_mb"] > rows["array"]["reserved_mb"]
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
