"""Slurm's reasons in words."""

import pytest

from planner.rounds.waiting import explain


@pytest.mark.parametrize(
    "reason",
    [
        "JobHeldUser",
        "JobHeldAdmin",
        "DependencyNeverSatisfied",
        "launch failed requeued held",
        "(launch failed requeued held)",
        "job requeued in held state",
        "user env retrieval failed requeued held",
        "BadConstraints",
        "PartitionTimeLimit",
        "InvalidAccount",
        "something new that is held",
    ],
)
def test_what_never_starts_by_itself_is_known(reason: str) -> None:
    assert explain(reason).stuck


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("Resources", "no node has room yet"),
        ("Priority", "other jobs come first"),
        ("JobArrayTaskLimit", "its array already runs as many elements as it may"),
        ("Dependency", "another job must end first"),
        ("ReqNodeNotAvail, UnavailableNodes:n[1-2]", "the nodes that it needs are down or reserved"),
        (
            "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
            "the nodes that it needs are down, drained or reserved",
        ),
        ("PartitionDown", "its partition is down"),
        ("QOSMaxJobsPerUserLimit", "a limit of the QOS is reached"),
        ("AssocGrpCPUMinutesLimit", "a limit of the account is reached"),
        ("BrandNewReason", "BrandNewReason"),
    ],
)
def test_what_passes_is_told_in_words_and_what_is_unknown_as_it_is(reason: str, words: str) -> None:
    wait = explain(reason)
    assert (wait.words, wait.stuck) == (words, False)
