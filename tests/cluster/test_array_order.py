"""Mode array starts the tasks in the plan's order, whatever orders the queue."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cluster import Cluster, Node
from pipelines import Pipeline

pytestmark = pytest.mark.cluster


@pytest.mark.parametrize(
    ("scheduler", "priority"),
    [("backfill", "basic"), ("backfill", "multifactor"), ("builtin", "basic"), ("builtin", "multifactor")],
)
def test_an_array_starts_in_the_plans_order(
    start_cluster: Callable[..., Cluster], scheduler: str, priority: str
) -> None:
    # one core: what starts when is the queue's order and nothing else
    one_core = start_cluster(scheduler=scheduler, priority=priority, nodes=[Node(cpus=1, mem_mb=4000)])
    site = f'scheduler = "{scheduler}"\npriority = "{priority}"\nmax_array_size = 5'
    pipeline = Pipeline(
        one_core, site=site, chromosomes="1,3,8,12,16,19,22", command="echo $CHROMPLAN_TASK >> started", time="08:00:00"
    )
    pipeline.remember(minutes=0.5)  # so that each has a time limit of its own, too
    pipeline.ready()
    pipeline.chromplan("submit")
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    planned = [line.split("\t")[0] for line in pipeline.manifest()]
    assert len({line.split("\t")[1].partition("_")[0] for line in pipeline.manifest()}) == 2
    assert (pipeline.folder / "started").read_text().split() == planned
