"""Sites from what Slurm prints; the texts in recorded/ come from real clusters of Slurm 22.05."""

import datetime
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.errors import InputError
from planner.site import COMMANDS, Site, detect, dumps, loads, query

RECORDED = Path(__file__).parent / "recorded"


def recorded(name: str) -> str:
    return (RECORDED / f"{name}.txt").read_text()


@pytest.fixture
def mixed() -> Site:
    """Three small nodes and a large one, in five partitions, one of them down and one for its owners."""
    return detect(recorded("mixed"))


def kinds(site: Site) -> dict[str, tuple[int | None, int, int, str | None]]:
    return {p.name: (p.nodes, p.cores, p.mem_mb, p.max_time) for p in site.partitions}


def test_a_partition_has_one_entry_for_each_kind_of_node(mixed: Site) -> None:
    assert kinds(mixed) == {
        "short": (3, 15, 63_000, "12:00:00"),
        "long-63G": (3, 15, 63_000, "14-00:00:00"),
        "long-400G": (1, 32, 400_000, "14-00:00:00"),
        "bigmem": (1, 32, 512_000, "7-00:00:00"),
        "owners": (1, 15, 63_000, None),
    }
    assert [p.option for p in mixed.partitions] == ["short", "long", "long", "bigmem", "owners"]


def test_what_slurm_keeps_for_itself_is_not_for_jobs(mixed: Site) -> None:
    """MemSpecLimit=1000 of RealMemory=64000, CoreSpecCount=1 of 16 CPUs."""
    assert (mixed.partition("short").mem_mb, mixed.partition("short").cores) == (63_000, 15)


def test_a_partition_s_memory_limit_cuts_its_nodes(mixed: Site) -> None:
    """The 512000 MiB node, in a partition with MaxMemPerNode=400000."""
    assert mixed.partition("long-400G").mem_mb == 400_000
    assert mixed.partition("bigmem").mem_per_core_max_mb == 16_000


def test_a_partition_that_is_down_is_left_out(mixed: Site) -> None:
    assert "drained" not in kinds(mixed)


def test_a_partition_for_some_groups_is_used_only_by_name(mixed: Site) -> None:
    assert [p.name for p in mixed.partitions if p.opt_in] == ["owners"]


def test_the_default_partition_is_known(mixed: Site) -> None:
    assert [p.name for p in mixed.partitions if p.default] == ["short"]


def test_the_configuration_gives_name_day_and_limits(mixed: Site) -> None:
    assert (mixed.name, mixed.as_of) == ("mixed", datetime.date(2026, 11, 22))
    assert (mixed.mem_policy, mixed.mem_per_core_default_mb) == ("mem", 2000)
    assert (mixed.max_array_size, mixed.acctg_freq_s) == (5001, 10)
    assert (mixed.scheduler, mixed.priority) == ("backfill", "multifactor")
    assert mixed.source == "scontrol and sinfo of Slurm 22.05.8"
    assert not mixed.nominal_mem


def test_where_memory_is_not_counted_cores_stand_for_it() -> None:
    """SelectTypeParameters=CR_Core."""
    site = detect(recorded("nomem"))
    assert (site.mem_policy, site.mem_per_core_default_mb) == ("cpus_only", 4000)
    assert (site.scheduler, site.priority, site.acctg_freq_s) == ("builtin", "basic", 0)


def test_exclusive_nodes_are_given_whole() -> None:
    """SelectType=select/linear, OverSubscribe=EXCLUSIVE."""
    site = detect(recorded("whole"))
    assert site.mem_policy == "whole_node"
    assert kinds(site) == {"batch": (2, 32, 250_000, "1-00:00:00")}


def test_one_line_records_read_as_the_long_ones(mixed: Site) -> None:
    long = recorded("mixed")
    without_nodes = long[: long.index("NodeName=")]
    assert detect(recorded("mixed.scontrol-o-show-node"), without_nodes) == mixed


def test_sinfo_alone_is_enough_when_it_prints_cores_and_memory(mixed: Site) -> None:
    site = detect(recorded("mixed.sinfo-N-l"), name="mixed")
    assert kinds(site)["bigmem"] == (1, 32, 512_000, None)
    assert kinds(site)["short"] == (3, 16, 64_000, None)


def test_the_time_limits_of_plain_sinfo_are_used_although_it_cuts_them() -> None:
    site = detect(recorded("mixed.scontrol-o-show-node"), recorded("mixed.sinfo"))
    assert {p.option: p.max_time for p in site.partitions} == {
        "short": "12:00:00",
        "long": "14-00:00:00",
        "bigmem": "7-00:00:00",
        "owners": None,
    }


def test_nodes_alone_tell_their_partitions() -> None:
    site = detect(recorded("mixed.scontrol-o-show-node"), name="nodes", as_of=datetime.date(2026, 1, 2))
    assert {p.option for p in site.partitions} == {"short", "long", "drained", "bigmem", "owners"}
    assert (site.name, site.as_of) == ("nodes", datetime.date(2026, 1, 2))


@pytest.mark.parametrize("name", ["mixed", "nomem", "whole"])
def test_a_detected_site_is_written_and_read_back_identically(name: str) -> None:
    site = detect(recorded(name))
    assert loads(dumps(site)) == site


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        ("IDLE", True),
        ("MIXED+PLANNED", True),
        ("IDLE+CLOUD+POWERED_DOWN", True),
        ("ALLOCATED*", True),
        ("DOWN*", False),
        ("IDLE+DRAIN", False),
        ("DOWN*+DRAIN+NOT_RESPONDING", False),
    ],
)
def test_nodes_that_take_no_jobs_are_not_counted(state: str, counted: bool) -> None:
    node = "NodeName=n{} CPUTot=8 RealMemory={} State={} Partitions=main\n"
    site = detect(node.format(1, 8000, "IDLE") + node.format(2, 64_000, state))
    assert (site.cap_mb() == 64_000) is counted


def test_nodes_with_nearly_the_same_memory_are_one_kind_and_the_smallest_counts() -> None:
    node = "NodeName=n{} CPUTot=8 RealMemory={} State=IDLE Partitions=main\n"
    site = detect("".join(node.format(mb, mb) for mb in (257_000, 256_500, 250_000, 515_000)))
    assert kinds(site) == {"main-250G": (3, 8, 250_000, None), "main-515G": (1, 8, 515_000, None)}


def test_kinds_with_the_same_memory_are_told_apart() -> None:
    node = "NodeName=n{} CPUTot={} RealMemory=64000 State=IDLE Gres={} Partitions=main\n"
    site = detect(node.format(1, 8, "(null)") + node.format(2, 16, "(null)") + node.format(3, 8, "gpu:a100:4(S:0-1)"))
    assert [p.name for p in site.partitions] == ["main-8c-64000M", "main-16c-64000M", "main-8c-64000M-gpu"]
    assert [p.name for p in site.partitions if p.opt_in] == ["main-8c-64000M-gpu"]


def test_a_cluster_of_gpu_nodes_only_is_used_all_the_same() -> None:
    site = detect("NodeName=n CPUTot=8 RealMemory=64000 State=IDLE Gres=gpu:4 Partitions=main\n")
    assert not site.partition("main").opt_in


def test_cores_without_an_effective_count_lose_the_special_ones() -> None:
    site = detect("NodeName=n CPUTot=64 CoreSpecCount=2 ThreadsPerCore=2 RealMemory=9000 State=IDLE Partitions=main\n")
    assert site.partition("main").cores == 60


def test_a_limit_of_cpus_per_node_cuts_the_cores() -> None:
    site = detect(
        "PartitionName=main\n   MaxCPUsPerNode=4 State=UP MaxTime=UNLIMITED\n"
        "NodeName=n CPUTot=64 RealMemory=9000 State=IDLE Partitions=main\n"
    )
    assert site.partition("main").cores == 4


def test_limits_of_the_whole_cluster_apply_where_a_partition_sets_none() -> None:
    site = detect(
        "Configuration data as of 2026-01-02T03:04:05\nClusterName = c\nMaxMemPerNode = 5000\nMaxMemPerCPU = 700\n"
        "SelectTypeParameters = CR_CPU_MEMORY\nJobAcctGatherType = jobacct_gather/cgroup\n"
        "JobAcctGatherFrequency = energy=30\n\n"
        "PartitionName=main\n   MaxTime=1:00:00 State=UP MaxMemPerNode=UNLIMITED\n"
        "NodeName=n CPUTot=64 RealMemory=9000 State=IDLE Partitions=main\n"
    )
    assert (site.partition("main").mem_mb, site.mem_per_core_max_mb) == (5000, 700)
    assert (site.mem_policy, site.acctg_freq_s) == ("mem", 30)


@pytest.mark.parametrize(
    ("kind", "params", "counts"),
    [
        ("linux", "(null)", True),
        ("linux", "NoOverMemoryKill", True),
        ("linux", "UsePss", False),
        ("linux", "usepss,DisableGPUAcct", False),
        ("linux", "NoShared", False),
        ("linux", "OverMemoryKill", False),
        ("cgroup", "(null)", False),
        ("none", "(null)", False),
    ],
)
def test_it_is_known_whether_samples_count_shared_memory_twice(kind: str, params: str, counts: bool) -> None:
    site = detect(
        f"Configuration data as of 2026-01-02T03:04:05\nClusterName = c\nJobAcctGatherType = jobacct_gather/{kind}\n"
        f"JobAcctGatherParams = {params}\nSelectTypeParameters = CR_CPU_MEMORY\n\nPartitionName=main\n   State=UP\n"
        "NodeName=n CPUTot=64 RealMemory=9000 State=IDLE Partitions=main\n"
    )
    assert site.acctg_counts_shared is counts


def test_sinfo_marks_the_least_of_several_values_with_a_plus() -> None:
    site = detect("PARTITION AVAIL TIMELIMIT NODES STATE CPUS MEMORY\nmain* up infinite 3 idle 8+ 64000+\n")
    assert kinds(site) == {"main": (3, 8, 64_000, None)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no partition with usable nodes"),
        ("hello\nworld = 1\n", "no partition with usable nodes"),
        ("PartitionName=main\n   State=UP\n", "no partition with usable nodes"),
        ("NodeName=n CPUTot=8 RealMemory=64000 State=DOWN Partitions=main\n", "no partition with usable nodes"),
        ("NodeName=n CPUTot=8 State=IDLE Partitions=main\n", "node n: RealMemory is None, not a number"),
        ("NodeName=n CPUTot=8 RealMemory=64 State=IDLE\nNodeName=m CPUTot=x RealMemory=1", "node m: CPUTot is 'x'"),
        ("PARTITION AVAIL  TIMELIMIT  NODES  STATE NODELIST\nmain* up infinite 2 idle c[1-2]", "no CPUS and MEMORY"),
        (
            "PartitionName=m\n   MaxTime=soon\nNodeName=n CPUTot=8 RealMemory=64 State=IDLE Partitions=m\n",
            "time limit 'soon' is not a duration",
        ),
        ("NodeName=n CPUTot=8 RealMemory=64 State=IDLE Partitions=a;b\n", "detected partition a;b: name: letters"),
    ],
)
def test_text_that_describes_no_cluster_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        detect(text)
    assert message in error.value.message


def test_a_live_query_makes_three_calls_and_a_fourth_where_nodes_are_private() -> None:
    calls: list[Sequence[str]] = []
    answers = {
        "config": "ClusterName = c\n",
        "partition": "",
        "node": "NodeName=n CPUTot=1\n",
        "-o": "PARTITION|NODES\n",
    }

    def run(argv: Sequence[str]) -> str:
        calls.append(argv)
        return answers[argv[1] if argv[0] == "sinfo" else argv[2]]

    assert query(run).count("\n") >= 3
    assert calls == list(COMMANDS)
    answers["node"] = "No nodes in the system\n"
    assert query(run).endswith("PARTITION|NODES\n")
    assert calls[-1][0] == "sinfo"


def test_the_sinfo_that_replaces_private_nodes_is_understood() -> None:
    """What `sinfo -o '%P|%a|%l|%D|%c|%m|%t|%G|%h'` prints."""
    site = detect(
        "PARTITION|AVAIL|TIMELIMIT|NODES|CPUS|MEMORY|STATE|GRES|OVERSUBSCRIBE\n"
        "batch*|up|1-00:00:00|2|32|250000|idle~|(null)|EXCLUSIVE\n"
        "batch*|up|1-00:00:00|1|32|990000|drng*|(null)|EXCLUSIVE\n"
        "old|inact|infinite|1|8|64000|idle|(null)|NO\n"
    )
    assert kinds(site) == {"batch": (2, 32, 250_000, "1-00:00:00")}
    assert site.partition("batch").default
    assert site.mem_policy == "whole_node"


nodes = st.lists(
    st.tuples(
        st.integers(1, 256),
        st.integers(1, 4_000_000),
        st.sampled_from(["IDLE", "MIXED", "DOWN*", "IDLE+DRAIN"]),
        st.sampled_from(["(null)", "gpu:4"]),
        st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, max_size=3, unique=True),
    ),
    min_size=1,
    max_size=12,
)


@settings(deadline=None)
@given(nodes)
def test_any_cluster_detected_reads_back_and_never_promises_more_than_a_node(
    drawn: list[tuple[int, int, str, str, list[str]]],
) -> None:
    text = "".join(
        f"NodeName=n{i} CPUTot={cores} RealMemory={mem_mb} State={state} Gres={gres} Partitions={','.join(members)}\n"
        for i, (cores, mem_mb, state, gres, members) in enumerate(drawn)
    )
    up = [node for node in drawn if "DOWN" not in node[2] and "DRAIN" not in node[2]]
    if not up:
        with pytest.raises(InputError):
            detect(text)
        return
    site = detect(text)
    assert loads(dumps(site)) == site
    for partition in site.partitions:
        holding = [n for n in up if partition.option in n[4] and n[0] >= partition.cores and n[1] >= partition.mem_mb]
        assert len(holding) >= (partition.nodes or 0)
    assert sum(p.nodes or 0 for p in site.partitions) == sum(len(node[4]) for node in up)


@pytest.mark.parametrize(
    ("site_wide", "of_partition", "found"),
    [
        ("DefMemPerNode=UNLIMITED", "DefMemPerNode=UNLIMITED", (None, None, None)),
        ("DefMemPerCPU=500", "DefMemPerNode=UNLIMITED", (500, None, None)),
        ("DefMemPerNode=3000", "DefMemPerNode=UNLIMITED", (None, None, 3000)),
        ("DefMemPerCPU=500", "DefMemPerCPU=700", (500, 700, None)),
        ("DefMemPerCPU=500", "DefMemPerNode=3000", (500, None, 3000)),
        ("DefMemPerNode=3000", "DefMemPerCPU=700", (None, 700, None)),
    ],
)
def test_what_a_job_gets_that_asks_for_no_memory(
    site_wide: str, of_partition: str, found: tuple[int | None, ...]
) -> None:
    site = detect(
        f"Configuration data as of 2026-11-22T10:00:00\n{site_wide.replace('=', ' = ')}\n"
        "SelectType = select/cons_tres\nSelectTypeParameters = CR_CORE_MEMORY\n",
        f"PartitionName=main\n   Default=YES State=UP {of_partition}\n",
        "NodeName=n1 CPUTot=8 RealMemory=8000 State=IDLE Partitions=main\n",
    )
    (main,) = site.partitions
    assert (site.mem_per_core_default_mb, main.mem_per_core_default_mb, main.mem_default_mb) == found


def test_how_many_jobs_the_cluster_holds_is_found() -> None:
    text = "Configuration data as of 2026-11-01T00:00:00\nMaxJobCount             = 10000\n"
    node = "NodeName=n1 CPUTot=8 RealMemory=8000 State=IDLE Partitions=main\n"
    found = detect(text + "\n" + node)
    assert (found.max_job_count, found.most_queued) == (10_000, 5_000)
    assert detect(node).most_queued is None
