"""The journal, and the manifest that follows from it: which job is which task."""

from pathlib import Path

import plans
import pytest

from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.project import manifest
from planner.project.journal import Submission, entry, journal_path, read_journal
from planner.scripts import jobs
from planner.scripts.job import only


def submission(mode: Mode = Mode.ARRAY, *, state: str = "submitted") -> Submission:
    """Return the journal of a round whose first job has an id."""
    first, *others = [entry(job) for job in jobs.jobs(plans.plan(), mode)]
    first = first.model_copy(update={"state": state, "job_id": "77"})
    return Submission(version=2, token="abc123", user=1000, started_s=1, mode=mode, jobs=(first, *others))


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    manifest.record(tmp_path, submission())
    assert read_journal(tmp_path) == submission()
    entries = manifest.read(tmp_path)
    assert entries[0] == manifest.Entry(task="chr1", job_id="77_1", request_mb=5086)
    assert len(entries) == 22


def test_a_later_job_waits_for_an_array_or_for_those_of_its_elements_that_run() -> None:
    whole = submission()
    assert whole.waited_for(22) == ["77"]
    assert sorted(whole.waited_for(23)) == sorted(f"77_{index}" for index in range(1, 23))
    # a job that is one task has no elements
    assert submission(Mode.JOBS).waited_for(22) == ["77"]


@pytest.mark.parametrize("left", ["", "\t".join(manifest.COLUMNS) + "\n", "anything"])
def test_a_manifest_that_is_behind_or_damaged_is_written_again_from_the_journal(tmp_path: Path, left: str) -> None:
    manifest.record(tmp_path, submission())
    whole = (tmp_path / manifest.FILE).read_text()
    (tmp_path / manifest.FILE).write_text(left)
    assert len(manifest.read(tmp_path)) == 22
    manifest.derive(tmp_path, submission())
    assert (tmp_path / manifest.FILE).read_text() == whole


@pytest.mark.parametrize("state", ["wanted", "asked", "refused", "cancelled"])
def test_a_job_that_runs_nothing_for_certain_is_not_listed(tmp_path: Path, state: str) -> None:
    manifest.record(tmp_path, submission(state=state))
    assert manifest.read(tmp_path) == []


def test_a_tier_reserves_its_own_memory_for_each_task(tmp_path: Path) -> None:
    job = jobs.jobs(plans.plan(), Mode.TIERS)[0]
    manifest.record(tmp_path, submission(Mode.TIERS))
    entries = manifest.read(tmp_path)
    assert {one.request_mb for one in entries} == {job.mem_mb}
    assert {one.task for one in entries} == {task.task for task in job.tasks}


def test_a_task_that_an_array_ran_before_it_was_cancelled_for_tiers_is_that_arrays(tmp_path: Path) -> None:
    array, tiers = (submission(mode).jobs for mode in (Mode.ARRAY, Mode.TIERS))
    withdrawn = [one.model_copy(update={"state": "cancelled", "withdrawn_s": 9, "tasks": ()}) for one in array]
    instead = [one.model_copy(update={"state": "submitted", "job_id": f"9{at}"}) for at, one in enumerate(tiers)]
    whole = submission().model_copy(update={"jobs": (*withdrawn, *instead)})
    manifest.record(tmp_path, whole.ran_elsewhere({"chr1": "77_1"}, at_s=20))
    entries = {one.task: one for one in manifest.read(tmp_path)}
    assert len(entries) == 22
    assert {name: one.withdrawn_s for name, one in entries.items() if one.withdrawn_s} == {"chr1": 9}
    assert entries["chr1"].job_id == "77_1"


def test_a_task_that_a_duplicate_ran_may_have_been_cancelled_with_it_until_that_was_found(tmp_path: Path) -> None:
    manifest.record(tmp_path, submission().ran_elsewhere({"chr1": "99_1"}, at_s=20))
    entries = {one.task: one for one in manifest.read(tmp_path)}
    assert {name: one.withdrawn_s for name, one in entries.items() if one.withdrawn_s} == {"chr1": 20}
    assert entries["chr1"].job_id == "99_1"


def test_a_round_that_was_not_submitted_has_none(tmp_path: Path) -> None:
    assert manifest.read(tmp_path) == []


def test_a_damaged_journal_is_named(tmp_path: Path) -> None:
    manifest.record(tmp_path, submission())
    journal_path(tmp_path).write_text(journal_path(tmp_path).read_text()[:-40])
    with pytest.raises(InputError, match=r"submission\.json: "):
        manifest.read(tmp_path)


def test_where_submit_sh_wrote_the_manifest_it_is_read(tmp_path: Path) -> None:
    line = "\t".join(("chr1", "7_1", "0", "500", "1", "array.sh", "job"))
    (tmp_path / manifest.FILE).write_text("\t".join(manifest.COLUMNS) + f"\n{line}\n")
    assert manifest.read(tmp_path) == [manifest.Entry(task="chr1", job_id="7_1", request_mb=500)]


@pytest.mark.parametrize(("text", "line"), [("nonsense\n", 1), ("\t".join(manifest.COLUMNS) + "\nchr1\t7\n", 2)])
def test_a_damaged_line_of_submit_sh_is_named(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / manifest.FILE).write_text(text)
    with pytest.raises(InputError, match=rf"manifest\.tsv:{line}: "):
        manifest.read(tmp_path)


def test_half_an_array_is_an_array_of_these_indices() -> None:
    job = jobs.jobs(plans.plan(), Mode.ARRAY)[0]
    some = only(job, {task.task for task in job.tasks[3:5]})
    assert some.array == "4-5"
    assert only(job, {task.task for task in job.tasks}) == job
