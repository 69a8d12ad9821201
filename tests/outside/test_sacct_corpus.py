"""What other tools' authors published of sacct's output: every row is read or named."""

import json
from pathlib import Path

import pytest
from outside import shared_data

from planner.history.sacct.read import SacctRead, read_text

CORPUS = shared_data("sacct_corpus")
# Columns of the corpus's blocks that come without a header: the first of a file's layouts that has as many as its rows.
REPORTSEFF = "AdminComment AllocCPUS Elapsed JobID JobIDRaw MaxRSS NNodes NTasks ReqMem State Timelimit TotalCPU"
NO_NTASKS = REPORTSEFF.replace("NTasks ", "")
LAYOUTS = {
    "reportseff_console_jobs.txt": [REPORTSEFF, REPORTSEFF.replace("Timelimit ", "")],
    "reportseff_fixtures.txt": [NO_NTASKS, f"{NO_NTASKS} NCPUS"],
    "reportseff_test_reportseff.txt": [
        REPORTSEFF,
        REPORTSEFF.replace("Timelimit ", "TRESUsageOutAve Timelimit "),
        "AdminComment AllocCPUS JobID JobIDRaw MaxRSS NNodes NTasks ReqMem State",
        "AdminComment AllocCPUS JobID JobIDRaw MaxDiskReadNode MaxRSS NNodes NTasks ReqMem State",
    ],
    "reportseff_test_db_inquirer.txt": [NO_NTASKS.replace("AdminComment ", "")],
    "issue_reportseff_41.txt": [NO_NTASKS],
    "issue_apel_114.txt": [
        "JobID JobName User Account Start End Elapsed ElapsedRaw Partition NCPUS NNodes NodeList AveRSS MaxRSS State"
    ],
    "slurm_exporter_sacct_efficiency.txt": ["JobID User Account AllocCPUS Elapsed TotalCPU CPUTime MaxRSS ReqMem"],
    "snakemake_efficiency.txt": ["JobID JobName Comment Elapsed TotalCPU NNodes NCPUS MaxRSS ReqMem"],
    "toil_states.txt": ["JobID State ExitCode"],
}


def blocks(path: Path) -> dict[str, SacctRead]:
    """Read each block of a corpus file, which a line with its name precedes."""
    texts: dict[str, str] = {}
    title = ""
    for line in path.read_text().splitlines(keepends=True):
        if line.startswith("# "):
            title = line.split()[-1]
        else:
            texts[title] = texts.get(title, "") + line.rstrip("\n") + "\n"
    return {title: read_block(path.name, text) for title, text in texts.items()}


def read_block(name: str, text: str) -> SacctRead:
    for columns in LAYOUTS.get(name, []):
        found = read_text(text, columns=columns.split(), poll_s=0)
        if found.attempts:
            return found
    return read_text(text, poll_s=0)


@pytest.mark.parametrize("path", sorted(CORPUS.glob("*.txt")), ids=lambda path: path.stem)
def test_every_row_of_the_public_corpus_is_read_or_named(path: Path) -> None:
    for found in blocks(path).values():
        assert found.attempts or found.skipped
        assert all(skipped.reason for skipped in found.skipped)
    whole = read_text(path.read_text())
    rows = {number for number, line in enumerate(path.read_text().split("\n"), start=1) if line.strip()}
    assert {skipped.line for skipped in whole.skipped} <= rows | {0}
    assert whole.attempts or whole.skipped


@pytest.mark.parametrize(
    ("name", "block", "job_id", "outcome", "peak_k", "limit_mb"),
    [
        ("reportseff_console_jobs", "24418435", "24418435", "completed", 499092, 1024),
        ("reportseff_console_jobs", "24418435_notime", "24418435", "completed", 499092, 1024),
        ("reportseff_console_jobs", "24221220", "24220929_431", None, None, 16000),
        ("reportseff_console_jobs", "23000233", "23000233", "cancelled", None, 64000),
        ("reportseff_fixtures", "single_core", "39889258_1426", "completed", 3501608, 8192),
        ("reportseff_fixtures", "multi_node", "8205048", "completed", 1764224, 320000),
        ("reportseff_fixtures", "bad_gpu_used", "46044267", "timeout", 42475564, 48000),
        ("reportseff_test_reportseff", "test_issue_16", "65638294", "completed", 8074500, 32768),
        ("reportseff_test_reportseff", "test_energy_reporting", "37403870_4", "completed", 6300, 32000),
        ("reportseff_test_reportseff", "test_issue_58", "1234", "timeout", 19855760, 40960),
        ("reportseff_test_reportseff", "test_issue_73_totals", "1234", "completed", 39538757, 670720),
        ("issue_reportseff_41", "", "131042", "completed", 1947276, 16000),
        ("issue_apel_114", "", "4255766", "completed", None, None),
        ("public_readme_2019", "", "13491519", "completed", None, 256),
        ("toil_states", "", "754725", "timeout", None, None),
        ("toil_states", "", "765096", "failed", None, None),
        ("toil_states", "", "789868", None, None, None),
        ("submitit_states", "", "20_22", None, None, None),
    ],
)
def test_rows_of_the_public_corpus_mean_what_they_say(
    name: str, block: str, job_id: str, outcome: str | None, peak_k: int | None, limit_mb: int | None
) -> None:
    found = blocks(CORPUS / f"{name}.txt")[block]
    attempt = next(one for one in found.attempts if one.job_id == job_id)
    assert (attempt.outcome, attempt.limit_mb) == (outcome, limit_mb)
    assert attempt.peak_mb == (None if peak_k is None else pytest.approx(peak_k / 1024))


def test_records_of_the_public_corpus_are_read() -> None:
    for line in (CORPUS / "reportseff_test_job.jsonl").read_text().splitlines():
        record = json.loads(line)
        record.pop("test")
        found = read_text("|".join(record) + "\n" + "|".join(record.values()) + "\n")
        assert found.attempts or found.skipped
