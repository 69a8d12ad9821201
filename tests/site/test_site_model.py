"""What a site accepts, and what it makes of a need."""

import datetime
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from planner.core.errors import InputError
from planner.site import Partition, Site


def site(*partitions: dict[str, Any], **fields: Any) -> Site:
    values = {
        "name": "demo",
        "description": "a cluster",
        "source": "a test",
        "as_of": datetime.date(2026, 1, 2),
        "partitions": partitions or ({"name": "main", "cores": 16, "mem_mb": 64000},),
    }
    return Site.model_validate(values | fields)


THIN = {"name": "thin", "cores": 32, "mem_mb": 100_000, "max_time": "1-00:00:00"}
FAT = {"name": "fat", "cores": 64, "mem_mb": 1_000_000, "max_time": "12:00:00"}
LONG = {"name": "long", "cores": 32, "mem_mb": 100_000, "max_time": "7-00:00:00"}


def test_a_need_goes_to_the_smallest_node_that_holds_it() -> None:
    assert site(FAT, THIN).choose(50_000).name == "thin"
    assert site(FAT, THIN).choose(100_001).name == "fat"


def test_of_equal_nodes_the_shortest_time_limit_that_suffices_is_taken() -> None:
    both = site(LONG, THIN)
    assert both.choose(1000, wall_s=3600).name == "thin"
    assert both.choose(1000, wall_s=2 * 86400).name == "long"


def test_the_default_partition_is_preferred_while_the_need_fits() -> None:
    preferring = site(THIN, FAT | {"default": True})
    assert preferring.choose(1000).name == "fat"
    assert preferring.choose(1000, wall_s=86400).name == "thin"


def test_a_named_partition_is_the_only_one_considered() -> None:
    assert site(THIN, FAT).choose(1000, partition="fat").name == "fat"
    with pytest.raises(InputError, match="in partition thin"):
        site(THIN, FAT).choose(500_000, partition="thin")


def test_an_opt_in_partition_is_taken_only_by_name() -> None:
    standby = site(THIN, FAT | {"opt_in": True})
    assert standby.cap_mb() == 100_000
    assert standby.cap_mb("fat") == 1_000_000
    assert standby.choose(1000, partition="fat").name == "fat"
    with pytest.raises(InputError, match="too much memory"):
        standby.choose(500_000)


def test_an_unknown_partition_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="site demo has no partition 'thick'") as error:
        site(THIN, FAT).choose(1, partition="thick")
    assert error.value.hint == "its partitions: thin, fat"


def test_headroom_is_never_asked_for() -> None:
    kept = site(THIN, FAT | {"headroom_mb": 0}, headroom_mb=2000)
    assert kept.partition("thin").cap_mb == 98_000
    assert kept.cap_mb() == 1_000_000
    assert kept.choose(98_001).name == "fat"


@pytest.mark.parametrize(
    ("mem_mb", "cpus", "wall_s", "expected"),
    [
        (
            2_000_000,
            1,
            0.0,
            "chr1 needs 2000000M and 1 cpu, too much memory for site demo: largest node in partition fat",
        ),
        (1000, 65, 0.0, "chr1 needs 1000M and 65 cpus, too many cores for site demo: largest node in partition fat"),
        (500_000, 1, 86400.0, "chr1 needs 500000M and 1 cpu for 1-00:00:00, too long for site demo"),
        (1000, 1, 30 * 86400.0, "partition long, 100000M, 32 cores for at most 7-00:00:00"),
    ],
)
def test_a_need_above_every_node_is_refused_naming_task_need_and_largest_node(
    mem_mb: int, cpus: int, wall_s: float, expected: str
) -> None:
    with pytest.raises(InputError) as error:
        site(THIN, FAT, LONG).choose(mem_mb, cpus, wall_s, task="chr1")
    assert expected in error.value.message


def test_the_refusal_names_the_headroom_of_the_largest_node() -> None:
    with pytest.raises(InputError, match="fat, 1000000M less 5000M headroom, 64 cores"):
        site(THIN, FAT, headroom_mb=5000).choose(999_000)


def test_minimum_memory_and_cores_of_a_partition_raise_the_need_with_a_reason() -> None:
    ruled = site(THIN, FAT | {"min_cores": 33, "min_mem_mb": 300_000})
    adjusted = ruled.adjust(ruled.partition("fat"), 200_000, 4)
    assert (adjusted.mem_mb, adjusted.cpus) == (300_000, 33)
    assert adjusted.reasons == (
        "memory raised to the minimum of fat, 300000M",
        "cpus raised to the minimum of fat, 33",
    )


def test_minimum_memory_and_time_of_a_site_raise_the_need_with_a_reason() -> None:
    ruled = site(min_mem_mb=6144, min_time="00:10:00")
    adjusted = ruled.adjust(ruled.partition("main"), 100, 1, 60)
    assert (adjusted.mem_mb, adjusted.wall_s) == (6144, 600)
    assert adjusted.reasons == (
        "memory raised to the minimum of main, 6144M",
        "time raised to the minimum of demo, 00:10:00",
    )


def test_a_need_within_the_rules_is_not_changed() -> None:
    plain = site()
    adjusted = plain.adjust(plain.partition("main"), 1234, 3, 77)
    assert (adjusted.mem_mb, adjusted.cpus, adjusted.wall_s, adjusted.reasons) == (1234, 3, 77, ())


def test_memory_costs_cores_where_cores_stand_for_memory() -> None:
    ruled = site(mem_policy="cpus_only", mem_per_core_default_mb=4096)
    adjusted = ruled.adjust(ruled.partition("main"), 10_000, 1)
    assert (adjusted.cpus, adjusted.mem_mb) == (3, 3 * 4096)
    assert adjusted.reasons == ("3 cpus carry 10000M at 4096M each",)
    assert ruled.memory_headers(adjusted.mem_mb, adjusted.cpus) == []


def test_memory_above_the_most_per_core_costs_cores() -> None:
    ruled = site(mem_per_core_max_mb=4000)
    adjusted = ruled.adjust(ruled.partition("main"), 10_000, 2)
    assert (adjusted.cpus, adjusted.mem_mb) == (3, 10_000)


def test_cores_that_memory_costs_count_against_the_node() -> None:
    ruled = site(THIN, FAT, mem_per_core_max_mb=1000)
    assert ruled.choose(40_000).name == "fat"


def test_memory_per_cpu_is_rounded_up_to_a_whole_mib_per_core() -> None:
    ruled = site(mem_policy="mem_per_cpu")
    adjusted = ruled.adjust(ruled.partition("main"), 10_000, 3)
    assert adjusted.mem_mb == 10_002
    assert ruled.memory_headers(adjusted.mem_mb, adjusted.cpus) == ["--mem-per-cpu=3334M"]


def test_a_whole_node_brings_all_its_memory_and_asks_for_none() -> None:
    ruled = site(mem_policy="whole_node", headroom_mb=1000)
    adjusted = ruled.adjust(ruled.partition("main"), 10_000, 3)
    assert (adjusted.mem_mb, adjusted.cpus) == (63_000, 3)
    assert ruled.memory_headers(adjusted.mem_mb, adjusted.cpus) == []


def test_memory_is_asked_for_in_mib() -> None:
    assert site().memory_headers(5210, 4) == ["--mem=5210M"]


def test_headers_hold_what_the_site_asks_for_besides_the_request() -> None:
    ruled = site(
        {"name": "a", "cores": 1, "mem_mb": 1, "constraint": "2TB|3TB", "gres": "lscratch:50", "clusters": "big"},
        {"name": "b", "cores": 1, "mem_mb": 1},
        clusters="small",
        options=["--nodes=1"],
    )
    assert ruled.headers(ruled.partition("a")) == [
        "--nodes=1",
        "--clusters=big",
        "--constraint=2TB|3TB",
        "--gres=lscratch:50",
    ]
    assert ruled.headers(ruled.partition("b")) == ["--nodes=1", "--clusters=small"]
    assert [ruled.cluster(name) for name in ("a", "b", None)] == ["big", "small", "small"]


@pytest.mark.parametrize(
    ("fields", "option"),
    [({}, "main"), ({"partition": ""}, ""), ({"partition": "a,b"}, "a,b")],
)
def test_the_partition_option_may_be_a_list_or_left_out(fields: dict[str, str], option: str) -> None:
    assert Partition.model_validate({"name": "main", "cores": 1, "mem_mb": 1} | fields).option == option


def test_memory_per_core_is_the_default_or_the_share_of_the_preferred_node() -> None:
    assert site(THIN, FAT).mem_per_core_mb() == 100_000 // 32
    assert site(THIN, FAT | {"default": True}).mem_per_core_mb() == 1_000_000 // 64
    assert site(THIN, FAT).mem_per_core_mb("fat") == 1_000_000 // 64
    assert site(THIN, mem_per_core_default_mb=2048).mem_per_core_mb() == 2048


def test_a_required_account_comes_from_the_user_or_the_environment() -> None:
    paid = site(account={"required": True, "env": "PROJECT"})
    assert paid.for_account("mine", {"PROJECT": "theirs"})[1] == "mine"
    assert paid.for_account(None, {"PROJECT": "theirs"})[1] == "theirs"
    with pytest.raises(InputError, match="site demo requires an account") as error:
        paid.for_account(None, {"PROJECT": ""})
    assert "set PROJECT" in error.value.hint


def test_no_account_is_needed_where_none_is_required() -> None:
    assert site().for_account(None, {}) == (site(), None)


def test_an_account_may_shorten_the_time_limits() -> None:
    tiered = site(THIN, FAT, account={"max_time": {"-SL3-": "18:00:00"}})
    limited, _ = tiered.for_account("LAB-sl3-CPU", {})
    assert [partition.max_time for partition in limited.partitions] == ["18:00:00", "12:00:00"]
    assert tiered.for_account("LAB-SL2-CPU", {})[0] == tiered
    with pytest.raises(InputError, match="too long"):
        limited.choose(1000, wall_s=20 * 3600)


def test_a_site_without_a_rate_leaves_no_time_between_submissions() -> None:
    assert site().submit_interval_s == 0
    assert site(submit_rate="6/min").submit_interval_s == 10
    assert site(submit_rate="10/s").submit_interval_s == 0.1


def test_a_partition_without_a_limit_takes_any_time() -> None:
    assert site().partition("main").max_time_s == math.inf
    assert site({"name": "a", "cores": 1, "mem_mb": 1, "max_time": "UNLIMITED"}).partition("a").max_time_s == math.inf


def test_a_site_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        site().name = "other"  # type: ignore[misc]


needs = st.tuples(st.integers(1, 3_000_000), st.integers(1, 200), st.floats(0, 1e6))
rules = st.fixed_dictionaries(
    {},
    optional={
        "mem_policy": st.sampled_from(["mem", "mem_per_cpu", "cpus_only", "whole_node"]),
        "min_mem_mb": st.integers(1, 9000),
        "min_time": st.sampled_from(["00:10:00", "01:00:00"]),
        "mem_per_core_max_mb": st.integers(500, 9000),
        "headroom_mb": st.integers(0, 9000),
    },
).map(lambda fields: {"mem_per_core_default_mb": 4096} | fields)


@settings(deadline=None)
@given(rules, needs)
def test_adjusting_never_gives_less_than_the_need_and_is_stable(
    fields: dict[str, Any], need: tuple[int, int, float]
) -> None:
    ruled = site(THIN, FAT | {"min_cores": 33}, LONG, **fields)
    for partition in ruled.partitions:
        once = ruled.adjust(partition, *need)
        assert (once.mem_mb, once.cpus, once.wall_s) >= (need[0], 1, 0)
        assert once.mem_mb >= need[0]
        assert once.cpus >= need[1]
        assert once.wall_s >= need[2]
        again = ruled.adjust(partition, once.mem_mb, once.cpus, once.wall_s)
        assert (again.mem_mb, again.cpus, again.wall_s) == (once.mem_mb, once.cpus, once.wall_s)


@settings(deadline=None)
@given(rules, needs)
def test_a_chosen_partition_holds_the_adjusted_need_and_a_refused_one_none_does(
    fields: dict[str, Any], need: tuple[int, int, float]
) -> None:
    ruled = site(THIN, FAT | {"min_cores": 33}, LONG, **fields)

    def holds(partition: Partition) -> bool:
        asked = ruled.adjust(partition, *need)
        return (
            asked.mem_mb <= partition.cap_mb and asked.cpus <= partition.cores and asked.wall_s <= partition.max_time_s
        )

    try:
        assert holds(ruled.choose(*need))
    except InputError:
        assert not any(holds(partition) for partition in ruled.partitions)
