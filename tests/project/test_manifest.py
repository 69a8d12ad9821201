"""The manifest: ids to tasks."""

from pathlib import Path

import plans
import pytest

from planner.core.errors import InputError
from planner.core.records import Mode
from planner.project import manifest
from planner.scripts import jobs


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    job = jobs.jobs(plans.plan())[0]
    manifest.write(tmp_path, manifest.lines(job, "77"))
    entries = manifest.read(tmp_path)
    assert entries[0] == manifest.Entry(task="chr1", job_id="77_0", request_mb=5086)
    assert len(entries) == 22


def test_a_tier_reserves_its_own_memory_for_each_task(tmp_path: Path) -> None:
    job = jobs.jobs(plans.plan(), Mode.TIERS)[0]
    manifest.write(tmp_path, manifest.lines(job, "77"))
    assert {entry.request_mb for entry in manifest.read(tmp_path)} == {job.mem_mb}


def test_a_round_that_was_not_submitted_has_none(tmp_path: Path) -> None:
    assert manifest.read(tmp_path) == []


@pytest.mark.parametrize(("text", "line"), [("nonsense\n", 1), ("\t".join(manifest.COLUMNS) + "\nchr1\t7\n", 2)])
def test_a_damaged_line_is_named(tmp_path: Path, text: str, line: int) -> None:
    (tmp_path / "manifest.tsv").write_text(text)
    with pytest.raises(InputError, match=rf"manifest\.tsv:{line}: "):
        manifest.read(tmp_path)
