"""Slurm's own mail about a round's jobs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import slurm_processes as processes
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster


def test_a_round_writes_one_mail(start_cluster: Callable[..., Cluster], tmp_path: Path) -> None:
    letters = tmp_path / "letters"
    program = tmp_path / "mail"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$*" >>{letters}\n')
    program.chmod(0o755)
    cluster = start_cluster(extra=f"MailProg={program}")
    for mode, then_next in (("array", True), ("jobs", True), ("array", False)):
        letters.write_text("")
        name = f"{mode}{'-then-next' * then_next}"
        pipeline = Pipeline(cluster, name=name, chromosomes="20-22", mode=mode, submit='mail_user = "me@example.org"')
        pipeline.ready()
        pipeline.chromplan("submit", *(["--then-next"] if then_next else []))
        pipeline.finish()
        try:
            processes.wait_until(lambda: bool(letters.read_text()), f"{name}: a mail", timeout_s=240)
        except processes.StartError as error:
            pytest.fail(str(error))
        # Slurm writes in the order in which jobs end: mails of the round's jobs would be before that of the last
        found = letters.read_text().splitlines()
        assert len(found) == 1, f"{name}: {found}"
        (letter,) = found
        assert "me@example.org" in letter
        assert "Ended" in letter
        # the job that goes on takes a name that says what became of the round
        assert ("Name=trip round 1: 3 completed; nothing is left to run Ended" in letter) is then_next, letter
