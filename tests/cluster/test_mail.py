"""Slurm's own mail about a round's jobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import slurm_processes as processes
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster


def test_a_round_and_the_job_that_goes_on_write_one_mail_each(
    start_cluster: Callable[..., Cluster], tmp_path: Path
) -> None:
    letters = tmp_path / "letters"
    program = tmp_path / "mail"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{letters}\n')
    program.chmod(0o755)
    cluster = start_cluster(extra=f"MailProg={program}")
    pipeline = Pipeline(cluster, chromosomes="20-22", submit='mail_user = "me@example.org"')
    pipeline.ready()
    pipeline.chromplan("submit", "--then-next")
    pipeline.finish()

    def sent() -> list[str]:
        return letters.read_text().splitlines() if letters.exists() else []

    try:
        processes.wait_until(lambda: len(sent()) >= 2, "two mails", timeout_s=60)
    except processes.StartError as error:
        pytest.fail(f"{error}: {sent()}")
    assert all("me@example.org" in letter and "Ended" in letter for letter in sent()), sent()
    assert len(sent()) == 2
    # the job that goes on takes a name that says what became of the round
    assert any("Name=trip round 1: 3 completed; nothing is left to run Ended" in letter for letter in sent()), sent()
