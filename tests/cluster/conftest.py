"""The private Slurm cluster as fixtures; nothing starts before a test asks for it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import cluster as slurm
import pytest
import slurm_processes as processes
from slurm_accounting import Accounting


class Clusters:
    """The clusters of one test run: one per flavour, and short-lived ones, on one shared accounting."""

    def __init__(self) -> None:
        self._accounting: Accounting | None = None
        self._by_flavour: dict[str, slurm.Cluster] = {}

    def get(self, flavour: str) -> slurm.Cluster:
        """Return the run's cluster of a flavour, started when it is first asked for."""
        if flavour not in self._by_flavour:
            self._by_flavour[flavour] = self.start(flavour=flavour)
        return self._by_flavour[flavour]

    def start(self, **options: Any) -> slurm.Cluster:
        """Start another cluster; skip the test, or fail it, where that is impossible."""
        flavour = options.get("flavour", "omk")
        reason = slurm.unusable(flavour)
        if reason:
            # a missing Slurm can be demanded; control groups are a matter of the machine
            demanded = os.environ.get("CHROMPLAN_REQUIRE_SLURM") == "1" and slurm.unusable("omk")
            (pytest.fail if demanded else pytest.skip)(f"cluster flavour {flavour}: {reason}")
        if self._accounting is None:
            home = processes.make_home()
            accounting = Accounting(home, processes.Programs(home))
            accounting.start()
            self._accounting = accounting  # one that did not come up is no accounting: the next test tries again
        return slurm.Cluster(accounting=self._accounting, **options).start()

    def stop(self) -> None:
        """Stop everything."""
        for running in self._by_flavour.values():
            running.stop()
        if self._accounting is not None:
            self._accounting.stop()
            processes.remove_home(self._accounting.home)


@pytest.fixture(scope="session")
def clusters() -> Iterator[Clusters]:
    """All clusters of the run."""
    running = Clusters()
    yield running
    running.stop()


@pytest.fixture(params=slurm.FLAVOURS)
def cluster(request: pytest.FixtureRequest, clusters: Clusters) -> Iterator[slurm.Cluster]:
    """A cluster with an empty queue, once per flavour of memory enforcement."""
    running = clusters.get(request.param)
    yield running
    running.cancel_all()


@pytest.fixture
def omk_cluster(clusters: Clusters) -> Iterator[slurm.Cluster]:
    """The cluster whose Slurm polls and kills (OverMemoryKill), for tests to which the flavour does not matter."""
    running = clusters.get("omk")
    yield running
    running.cancel_all()


@pytest.fixture(scope="module")
def two_types(clusters: Clusters) -> Iterator[slurm.Cluster]:
    """A cluster with a partition for each of its nodes."""
    running = clusters.start(extra="PartitionName=fat Nodes=n1\nPartitionName=thin Nodes=n2")
    yield running
    running.stop()


@pytest.fixture
def start_cluster(clusters: Clusters) -> Iterator[Callable[..., slurm.Cluster]]:
    """Start a cluster with options of its own (see cluster.Cluster); about three seconds, stopped after the test."""
    started: list[slurm.Cluster] = []

    def start(**options: Any) -> slurm.Cluster:
        started.append(clusters.start(**options))
        return started[-1]

    yield start
    for running in started:
        running.stop()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test that uses a cluster."""
    for item in items:
        if "clusters" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.cluster)
