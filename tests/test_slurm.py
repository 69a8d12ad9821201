"""What counts as a failure of one of Slurm's commands."""

import pytest

from planner import slurm


def test_a_command_that_says_error_and_nothing_else_has_failed_whatever_its_exit_code() -> None:
    with pytest.raises(slurm.SlurmError, match="Problem talking to the database"):
        slurm.run(["sh", "-c", "echo 'sacct: error: Problem talking to the database' >&2"])


def test_a_warning_beside_an_answer_is_none() -> None:
    assert slurm.run(["sh", "-c", "echo 'sbatch: error: beware' >&2; echo 7"]) == "7\n"
