"""What is kept of running tasks goes when they do."""

from pathlib import Path

from planner.runner.records import Record, RunningRecords


def record(job_id: str) -> Record:
    return Record(
        task="chr22", job_id=job_id, start_s=1.0, request_mb=100, limit_mb=100, cpus=1, host="here", tmp="/tmp/x"
    )


def test_the_last_task_takes_the_folder_with_it_and_what_a_killed_driver_left_half_written(tmp_path: Path) -> None:
    kept = RunningRecords(tmp_path)
    kept.write(record("local.1"))
    kept.write(record("local.2"))
    (kept.state / ".local.2.json.x7d1").touch()
    kept.remove(record("local.1"))
    assert [one.job_id for one in kept.records()] == ["local.2"]
    kept.remove(record("local.2"))
    assert not kept.state.exists()
