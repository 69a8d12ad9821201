"""The commands of README and docs that need a cluster, run as they are shown."""

from __future__ import annotations

import documented
import pytest
from cluster import Cluster

pytestmark = [pytest.mark.cluster, pytest.mark.slow]


@pytest.mark.parametrize("case", documented.CLUSTER_CASES, ids=lambda case: f"{case.page}: {case.beginning}")
def test_a_block_that_needs_a_cluster_runs_as_it_is_shown(omk_cluster: Cluster, case: documented.Case) -> None:
    done = omk_cluster.run(
        ["bash", "-c", case.script], cwd=omk_cluster.user_dir("documented"), check=False, timeout_s=400
    )
    omk_cluster.cancel_all()
    assert done.returncode == 0, done.stdout + done.stderr
