"""What Slurm says of jobs that are only tested, and which are asked about."""

from pathlib import Path

import plans
import pytest

from planner.core.errors import FailureError, InputError
from planner.rounds import when

SBATCH = """#!/bin/sh
echo "$*" >> "$(dirname "$0")/calls"
case "$*" in
*--mem=5145M*) echo 'sbatch: error: allocation failure: Requested node configuration is not available' >&2; exit 1;;
*) echo 'sbatch: Job 7 to start at 1795762058 using 1 processors on nodes n1 in partition main' >&2;;
esac
"""


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program called sbatch first on the PATH."""
    program = tmp_path / "bin" / "sbatch"
    program.parent.mkdir()
    program.write_text(SBATCH)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    return program


def test_the_largest_with_one_mem_and_some_from_the_largest_to_the_smallest_are_asked_about(sbatch: Path) -> None:
    found = when.starts(plans.plan())
    assert [one.asking for one in found] == ["one --mem", *["its own"] * 5]
    sizes = [one.mem_mb for one in found[1:]]
    assert sizes == sorted(sizes, reverse=True)
    assert [found[0].mem_mb, found[0].tasks, found[1].tasks, found[-1].tasks] == [sizes[0], 22, 22, 1]
    calls = (sbatch.parent / "calls").read_text().splitlines()
    assert all(call.startswith("--test-only ") and call.endswith(" --wrap=true") for call in calls)
    assert {one.start_s for one in found} == {1795762058.0}


def test_what_would_be_refused_is_said(sbatch: Path) -> None:
    sbatch.write_text(SBATCH.replace("--mem=5145M", "--mem="))
    found = when.starts(plans.plan())
    assert {(one.start_s, one.wait_s) for one in found} == {(None, None)}
    assert "Requested node configuration is not available" in found[0].refused


def test_a_slurm_that_does_not_answer_is_an_error(sbatch: Path) -> None:
    sbatch.write_text("#!/bin/sh\necho 'sbatch: error: Unable to read the key' >&2\nexit 1\n")
    with pytest.raises(FailureError, match="Unable to read the key"):
        when.starts(plans.plan())


def test_nothing_to_run_is_nothing_to_ask_about() -> None:
    with pytest.raises(InputError, match="nothing is left to run"):
        when.starts(plans.plan().model_copy(update={"tasks": ()}))
