"""What sacct printed, job by job, is what it says as a whole."""

import pytest

from planner.history.sacct import read as sacct
from planner.rounds.accounted import Accounted


def row(job_id: str, state: str = "COMPLETED", submit_s: int = 10, name: str = "chr1") -> str:
    """Return a row as the one call of sacct asks for it."""
    values = {"JobID": job_id, "State": state, "ExitCode": "0:0", "Submit": str(submit_s), "Start": "20", "End": "30"}
    values |= {"ElapsedRaw": "10", "ReqMem": "100M", "AllocCPUS": "1", "NNodes": "1", "JobName": name}
    return sacct.DELIMITER.join(values.get(field, "") for field in sacct.FIELDS) + "\n"


PRINTED = "".join(
    [
        *(row(one) for one in ("7_1", "7_1.batch", "7_2", "7_2.batch", "8+0", "8+0.0", "8+1", "8+1.1")),
        row("9", "REQUEUED", submit_s=5, name="two\nlines"),
        row("9", submit_s=11, name="two\nlines"),
        row("10", "RUNNING"),
        row("7_3", "FAILED"),
    ]
)


@pytest.mark.parametrize("job_id", ["7_1", "7_2", "7_3", "8+0", "8+1", "9", "10"])
def test_each_job_has_its_attempts_in_their_order(job_id: str) -> None:
    whole = [one for one in sacct.read_text(PRINTED, poll_s=1).attempts if one.job_id == job_id]
    assert len(whole) == (2 if job_id == "9" else 1)
    assert Accounted(PRINTED, poll_s=1).attempts(job_id) == sorted(whole, key=lambda one: one.submit_s or 0)


def test_of_a_job_that_sacct_does_not_know_there_is_none() -> None:
    assert Accounted(PRINTED, poll_s=1).attempts("7_4") == []
    assert Accounted("", poll_s=1).attempts("11") == []
