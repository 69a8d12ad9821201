"""The plan: requests with reasons, order, what is left out."""

import json
from dataclasses import replace

import plans
import pytest
from observed import observation

from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.core.records import Observation, Outcome
from planner.core.samples import Sample
from planner.core.user_scripts import UserScript
from planner.plan.document import Plan
from planner.plan.inputs import Earlier
from planner.site import Partition
from planner.site.model import FOLLOW_UPS


def earlier(outcome: Outcome | None, *, request_mb: int = 1000, attempts: int = 1, time_limit_s: int = 7200) -> Earlier:
    killed_mb = request_mb if outcome is Outcome.OOM else 0
    return Earlier(
        round=1,
        attempts=attempts,
        outcome=outcome,
        request_mb=request_mb,
        time_limit_s=time_limit_s,
        killed_mb=killed_mb,
    )


def observations(count: int = 22) -> list[Observation]:
    return [
        observation(
            i,
            100 + 20 * (40.0 + 10 * i) * (1 + 0.01 * (-1) ** i),
            {"length_mb": 40.0 + 10 * i},
            task=f"old.chr{i}",
            sample="old",
            chromosome=str(i),
            limit_mb=9000,
            wall_s=600 + 10.0 * i,
        )
        for i in range(count)
    ]


def fitted() -> object:
    from planner.memory import fitting

    return fitting.fit(observations(), tool="beagle", feature_names=("length_mb",))


def request_of(plan: Plan, task: str) -> int:
    return next(t.request_mb for t in plan.tasks if t.task == task)


def test_each_chromosome_gets_its_own_request_with_a_reason() -> None:
    plan = plans.plan()
    assert request_of(plan, "chr1") == 5086  # 100 + 20 * 249.250621, rounded up
    assert request_of(plan, "chr21") == 1063
    assert {t.reason for t in plan.tasks} == {"first round: the formula of chromplan.toml"}


def test_the_largest_cost_goes_first() -> None:
    plan = plans.plan()
    assert [t.task for t in plan.tasks][:3] == ["chr1", "chr2", "chr3"]
    assert [t.index for t in plan.tasks] == list(range(22))


def test_with_nothing_known_a_pilot_from_small_to_large_goes_first() -> None:
    plan = plans.plan(plans.config(memory={"formula": None}))
    assert [t.task for t in plan.tasks] == ["chr21", "chr14", "chr6"]
    assert len(plan.left_out) == 19
    assert all("pilot" in left.reason for left in plan.left_out)
    assert plan.tasks[0].request_mb == 4000
    assert plan.tasks[0].reason == "first round: no history, test has 4000 MB per core"


def test_without_a_pilot_everything_goes_at_the_default() -> None:
    plan = plans.plan(plans.config(memory={"formula": None, "pilot": 0, "default_mb": 777}))
    assert {t.request_mb for t in plan.tasks} == {777}
    assert len(plan.tasks) == 22


def test_a_model_replaces_the_formula() -> None:
    plan = plans.plan(model=fitted())  # type: ignore[arg-type]
    chr1 = plan.tasks[0]
    assert chr1.task == "chr1"
    assert chr1.predicted_mb == pytest.approx(100 + 20 * 249.25, rel=0.05)
    assert chr1.predicted_mb is not None
    assert chr1.request_mb >= chr1.predicted_mb
    assert "22 observations" in chr1.reason
    assert chr1.time_limit_s < 7200
    assert plan.makespan_s is not None


def test_a_task_that_is_done_is_not_planned_again() -> None:
    plan = plans.plan(earlier={"chr1": earlier(Outcome.COMPLETED)})
    assert "chr1" not in {t.task for t in plan.tasks} | {left.task for left in plan.left_out}


def test_a_task_in_flight_is_left_out_with_the_reason() -> None:
    plan = plans.plan(earlier={"chr1": earlier(None)})
    assert plan.left_out[0].task == "chr1"
    assert plan.left_out[0].reason.startswith("in flight in r001, or ended but not recorded yet")


def test_a_task_killed_for_memory_asks_for_at_least_twice_as_much() -> None:
    plan = plans.plan(earlier={"chr21": earlier(Outcome.OOM, request_mb=3000)})
    chr21 = next(t for t in plan.tasks if t.task == "chr21")
    assert chr21.request_mb == 6000
    assert chr21.attempt == 2
    assert chr21.reason.startswith("killed for memory at 3000 MB")


def test_a_task_that_held_more_than_its_request_when_it_was_killed_asks_for_more_than_that() -> None:
    held = replace(earlier(Outcome.OOM, request_mb=3000), held_mb=9000.0)
    chr21 = next(t for t in plans.plan(earlier={"chr21": held}).tasks if t.task == "chr21")
    assert chr21.request_mb == 11_700
    assert chr21.reason.startswith("killed for memory at 3000 MB, holding 9000; ")


def test_twice_as_much_is_cut_to_the_largest_node() -> None:
    plan = plans.plan(earlier={"chr21": earlier(Outcome.OOM, request_mb=40_000)})
    assert request_of(plan, "chr21") == 64_000


def test_a_kill_counts_also_when_the_attempt_behind_it_was_lost() -> None:
    lost = replace(earlier(Outcome.INFRA, request_mb=3000, attempts=2), killed_mb=1500)
    plan = plans.plan(earlier={"chr21": lost})
    assert request_of(plan, "chr21") >= 3000


def test_a_task_killed_at_all_that_a_node_has_is_given_up() -> None:
    plan = plans.plan(earlier={"chr21": earlier(Outcome.OOM, request_mb=64_000)})
    assert plan.left_out[0].reason == "killed for memory at 64000 MB, all that the largest node offers"


def test_a_failed_task_waits_for_the_user() -> None:
    known = {"chr1": earlier(Outcome.FAILED)}
    assert "--retry-failed" in plans.plan(earlier=known).left_out[0].reason
    assert request_of(plans.plan(earlier=known, retry_failed=True), "chr1") == 5086


def test_a_timeout_gets_twice_the_time_and_no_more_memory() -> None:
    plan = plans.plan(earlier={"chr1": earlier(Outcome.TIMEOUT, request_mb=5086)})
    chr1 = next(t for t in plan.tasks if t.task == "chr1")
    assert chr1.time_limit_s == 4 * 3600
    assert chr1.request_mb == 5086


def test_time_is_cut_to_what_the_partition_allows() -> None:
    plan = plans.plan(earlier={"chr1": earlier(Outcome.TIMEOUT, time_limit_s=200_000)})
    assert plan.tasks[0].time_limit_s == 3 * 86_400


def test_attempts_end() -> None:
    plan = plans.plan(earlier={"chr1": earlier(Outcome.OOM, attempts=4)})
    assert plan.left_out[0].reason == "gave up after 4 attempts, the last: oom at 1000 MB"


def test_a_first_request_above_every_node_is_refused_too() -> None:
    with pytest.raises(InputError, match=r"task chr\d+ needs 64001 MB \(memory.default_mb\).* offers 64000 MB"):
        plans.plan(plans.config(memory={"formula": None, "default_mb": 64_001}))


def test_a_need_above_every_node_names_task_need_and_largest_node() -> None:
    small = plans.site(partitions=(Partition(name="small", nodes=1, cores=4, mem_mb=3000),))
    with pytest.raises(InputError) as refused:
        plans.plan(at=small)
    assert refused.value.message == "task chr1 needs about 5085 MB; the largest node of site test offers 3000 MB"


def test_every_sample_has_every_chromosome_and_large_ones_of_all_samples_go_first() -> None:
    plan = plans.plan(samples=[Sample(name="a b", columns={}), Sample(name="c", columns={})])
    assert len({t.task for t in plan.tasks}) == 44
    assert {t.chromosome for t in plan.tasks[:2]} == {"1"}


def test_a_site_without_mem_gets_tiers_and_a_note() -> None:
    plan = plans.plan(at=plans.site(mem_policy="mem_per_cpu"))
    assert plan.mode is Mode.TIERS
    assert plan.notes == ["site test takes no --mem (mem_per_cpu): tiers instead of one array"]


def test_the_document_reads_back_identically() -> None:
    plan = plans.plan(model=fitted())  # type: ignore[arg-type]
    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_the_schema_describes_every_field() -> None:
    schema = Plan.model_json_schema()
    assert schema["properties"]["version"] == {"const": 1, "default": 1, "title": "Version", "type": "integer"}
    assert set(json.loads(plans.plan().model_dump_json())) == set(schema["properties"])


def test_more_running_at_once_never_lengthens_the_expected_makespan() -> None:
    spans = [plans.plan(plans.config(submit={"max_running": k}), model=fitted()).makespan_s for k in (2, 4, 8)]  # type: ignore[arg-type]
    assert spans == sorted(spans, reverse=True)  # type: ignore[type-var]


def test_a_site_that_takes_few_jobs_gets_the_costliest_tasks_first() -> None:
    plan = plans.plan(at=plans.site(max_submit=5 + FOLLOW_UPS))
    assert [t.task for t in plan.tasks] == ["chr1", "chr2", "chr3", "chr4", "chr5"]
    assert {left.reason for left in plan.left_out} == {"waits: site test takes 5 jobs at once"}
    assert len(plan.left_out) == 17


def test_a_round_takes_at_most_half_of_the_jobs_that_the_cluster_holds_for_all() -> None:
    assert len(plans.plan(at=plans.site(max_job_count=11)).tasks) == 5
    assert len(plans.plan(at=plans.site(max_job_count=11, max_submit=3 + FOLLOW_UPS)).tasks) == 3
    assert len(plans.plan(at=plans.site(max_job_count=1)).tasks) == 1


def test_tasks_that_were_given_the_same_fields_share_the_list_of_them() -> None:
    plan = plans.plan()
    read = type(plan).model_validate_json(plan.model_dump_json())
    assert len({id(task.model_fields_set) for task in read.tasks}) == 1
    changed = read.tasks[0].model_copy(update={"batch": 3})
    assert (changed.batch, read.tasks[0].batch) == (3, None)
    assert read.model_dump_json() == plan.model_dump_json()


def test_the_next_round_has_room_for_what_ended_and_not_for_what_is_in_flight() -> None:
    known = {"chr1": earlier(Outcome.COMPLETED), "chr2": earlier(None), "chr3": earlier(None)}
    plan = plans.plan(at=plans.site(max_submit=5 + FOLLOW_UPS), earlier=known)
    assert [t.task for t in plan.tasks] == ["chr4", "chr5", "chr6"]


def test_steps_do_not_count_as_jobs() -> None:
    plan = plans.plan(plans.config(submit={"mode": Mode.PACKED}), at=plans.site(max_submit=5 + FOLLOW_UPS))
    assert len(plan.tasks) == 22


@pytest.mark.parametrize("k", [1, 2, 3, 5, 8])
def test_batches_share_k_out(k: int) -> None:
    plan = plans.plan(plans.config(submit={"mode": Mode.PACKED, "max_running": k}))
    assert sum(batch.slots for batch in plan.batches) <= k


def test_the_cluster_of_a_plan_is_its_scripts_or_its_partitions_or_its_sites() -> None:
    here = plans.plan()
    elsewhere = plans.plan(at=plans.site(clusters="b"))
    nearest = Partition(name="c-main", nodes=1, cores=64, mem_mb=64_000, clusters="c")
    script = UserScript(folder="/", content="c", job_name="x", clusters="d")
    assert here.cluster is None
    assert elsewhere.cluster == "b"
    assert plans.plan(at=plans.site(clusters="b", partitions=(nearest,))).cluster == "c"
    assert elsewhere.model_copy(update={"user_script": script}).cluster == "d"
