"""Jobs that ran on a part of a chromosome are not taken for the whole chromosome."""

from pathlib import Path

import pytest
from observed import observation

from planner.core.records import Observation
from planner.core.regions import part_in
from planner.history.labels import Labels, collected, with_length
from planner.history.readers import ReadOptions, sacct
from planner.history.source import TextSource

LENGTHS = {"20": 64_444_167}
SACCT = """JobID|JobName|State|ExitCode|ReqMem|MaxRSS|Elapsed|Submit|Start|End
7|call.chr20_1-5000000|COMPLETED|0:0|500M||00:10:00|2026-01-01T00:00:00|2026-01-01T00:00:01|2026-01-01T00:10:01
7.batch|batch|COMPLETED|0:0||102400K|00:10:00|2026-01-01T00:00:01|2026-01-01T00:00:01|2026-01-01T00:10:01
8|call.chr20|COMPLETED|0:0|500M||00:10:00|2026-01-01T00:00:00|2026-01-01T00:00:01|2026-01-01T00:10:01
8.batch|batch|COMPLETED|0:0||102400K|00:10:00|2026-01-01T00:00:01|2026-01-01T00:00:01|2026-01-01T00:10:01
"""


def named(task: str) -> Observation:
    return observation(1, 1.0, {}, task=task, chromosome="20")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("a.chr20_1-5000000", (1, 5_000_000)),
        ("call_chr20:5000001-10000000", (5_000_001, 10_000_000)),
        ("chr20", None),
        ("chr20_1-22", None),
        ("chr20_2026-11-27", None),
        ("chr20_5000-1000", None),
    ],
)
def test_a_part_is_read_from_a_name(name: str, part: tuple[int, int] | None) -> None:
    assert part_in(name) == part


def test_the_length_is_that_of_the_part() -> None:
    assert with_length(named("chr20_1-5000000"), LENGTHS).features == {"length_mb": 5.0}
    assert with_length(named("chr20"), LENGTHS).features == {"length_mb": 64.444167}


def test_a_part_that_the_chromosome_does_not_have_is_no_part() -> None:
    assert with_length(named("chr20_1-99000000"), LENGTHS).features == {"length_mb": 64.444167}


def test_accounting_tells_parts_by_the_names_of_jobs(tmp_path: Path) -> None:
    (tmp_path / "sacct.txt").write_text(SACCT)
    read = collected(sacct.read(TextSource.of_file(tmp_path / "sacct.txt"), ReadOptions(labels=Labels(tool="t"))))
    assert [one.task for one in read.observations] == ["chr20_1-5000000", "chr20"]
