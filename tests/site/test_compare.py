"""A site file held against the cluster."""

import datetime
from typing import Any

from planner.site import Difference, Site, compare, detect


def cluster(nodes: str, config: str = "") -> Site:
    return detect(config + nodes)


NODE = "NodeName=n{0} CPUTot={1} RealMemory={2} State=IDLE Partitions={3}\n"
CONFIG = "Configuration data as of 2026-01-02T00:00:00\nSelectTypeParameters = CR_CORE_MEMORY\nMaxArraySize = 5001\n\n"


def file(*partitions: dict[str, Any], **fields: Any) -> Site:
    values = {"name": "demo", "description": "d", "source": "s", "as_of": datetime.date(2026, 1, 2)}
    return Site.model_validate(values | {"partitions": partitions} | fields)


MAIN = {"name": "main", "cores": 8, "mem_mb": 64_000}


def test_a_file_that_agrees_has_no_difference() -> None:
    assert compare(file(MAIN), cluster(NODE.format(1, 8, 64_000, "main"))) == []


def test_a_detected_site_agrees_with_its_cluster() -> None:
    found = cluster(NODE.format(1, 8, 64_000, "main") + NODE.format(2, 8, 512_000, "main,fat"), CONFIG)
    assert compare(found, found) == []


def test_memory_above_the_nodes_is_reported_with_what_follows() -> None:
    (difference,) = compare(file(MAIN | {"mem_mb": 65_536}), cluster(NODE.format(1, 8, 64_000, "main")))
    assert difference == Difference(
        field="partitions[main].mem_mb",
        file=65_536,
        cluster=64_000,
        meaning="a request above 64000M would wait forever",
    )


def test_memory_within_the_headroom_is_only_unused() -> None:
    (difference,) = compare(file(MAIN | {"mem_mb": 60_000}), cluster(NODE.format(1, 8, 64_000, "main")))
    assert difference.meaning == "the rest is never asked for"


def test_fields_the_configuration_decides_are_compared_only_when_it_is_there() -> None:
    nodes = NODE.format(1, 8, 64_000, "main")
    assert compare(file(MAIN), cluster(nodes)) == []
    (difference,) = compare(file(MAIN), cluster(nodes, CONFIG))
    assert (difference.field, difference.file, difference.cluster) == ("max_array_size", 1001, 5001)


def test_cores_time_and_nodes_are_compared() -> None:
    text = "PartitionName=main\n   MaxTime=12:00:00 State=UP\n" + NODE.format(1, 4, 64_000, "main")
    found = compare(file(MAIN | {"nodes": 2, "max_time": "1-00:00:00"}), cluster(text))
    assert [(d.field, d.file, d.cluster) for d in found] == [
        ("partitions[main].cores", 8, 4),
        ("partitions[main].max_time", "1-00:00:00", "12:00:00"),
        ("partitions[main].nodes", 2, 1),
    ]
    assert [d.meaning for d in found] == [
        "a request for more would wait forever",
        "a longer time limit would be refused or wait forever",
        "",
    ]


def test_times_written_differently_are_the_same() -> None:
    text = "PartitionName=main\n   MaxTime=1-00:00:00 State=UP\n" + NODE.format(1, 8, 64_000, "main")
    assert compare(file(MAIN | {"max_time": "24:00:00"}), cluster(text)) == []


def test_partitions_that_only_one_of_them_has_are_reported() -> None:
    found = compare(file(MAIN | {"name": "old"}), cluster(NODE.format(1, 8, 64_000, "new")))
    assert [(d.field, d.file, d.cluster) for d in found] == [
        ("partitions[old]", "present", None),
        ("partitions[new]", None, "present"),
    ]


def test_an_entry_is_held_against_the_nearest_nodes_of_its_partition() -> None:
    nodes = NODE.format(1, 8, 64_000, "main") + NODE.format(2, 8, 512_000, "main")
    fat = {"name": "large", "partition": "main", "cores": 8, "mem_mb": 500_000}
    (difference,) = compare(file(MAIN, fat), cluster(nodes))
    assert (difference.field, difference.cluster) == ("partitions[large].mem_mb", 512_000)


def test_a_list_of_partitions_matches_each_of_them() -> None:
    both = MAIN | {"partition": "hi,lo"}
    assert compare(file(both), cluster(NODE.format(1, 8, 64_000, "hi,lo"))) == []


def test_where_the_site_chooses_the_partition_none_is_missed() -> None:
    routed = MAIN | {"partition": ""}
    nodes = NODE.format(1, 8, 64_000, "day") + NODE.format(2, 8, 64_000, "week")
    assert compare(file(routed), cluster(nodes)) == []
