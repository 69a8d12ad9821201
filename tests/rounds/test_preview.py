"""What a submission would do, in words."""

from pathlib import Path

import plans
import pytest

from planner import slurm
from planner.core.errors import FailureError
from planner.core.modes import Mode
from planner.project.folder import ProjectFolder
from planner.rounds import preview
from planner.scripts.jobs import jobs
from planner.site import Partition


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        (Mode.ARRAY, [":array-part-1.sh --hold rounds/r001/array-part-1.sh", "# one array of 20 tasks"]),
        (Mode.TIERS, [":tier-4-part-1.sh rounds/r001/tier-4-part-1.sh", "MB each"]),
        (Mode.JOBS, ["--dependency=afterany:ID-OF-jobs/chr1.sh rounds/r001/jobs/chr3.sh", "# 1 task, "]),
        (Mode.PACKED, [":batch-1.sh rounds/r001/batch-1.sh", " tasks as steps, "]),
        (Mode.HET, [":het.sh rounds/r001/het.sh", "# 22 tasks as steps on 2 nodes, "]),
    ],
)
def test_each_command_is_shown_with_what_it_does(tmp_path: Path, mode: Mode, said: list[str]) -> None:
    project = ProjectFolder(tmp_path)
    nodes = Partition(name="main", nodes=2, cores=16, mem_mb=30_000)
    site = plans.site(partitions=(nodes,), max_array_size=20)
    project.write_plan(plans.plan(plans.config(submit={"mode": mode, "max_running": 2}), at=site))
    shown = "\n".join(preview.describe(project, 1))
    assert [words for words in said if words not in shown] == []


def test_the_job_that_goes_on_waits_for_all_others(tmp_path: Path) -> None:
    project = ProjectFolder(tmp_path)
    project.write_plan(plans.plan(plans.config(submit={"mode": Mode.JOBS}, pipeline={"chromosomes": "21,22"})))
    last = preview.describe(project, 1, then_next=True)[-1]
    waits = "--dependency=afterany:ID-OF-jobs/chr22.sh:ID-OF-jobs/chr21.sh"
    assert f" {waits} rounds/r001/next.sh" in last


def settings(**known: int) -> slurm.Settings:
    """Return a cluster of which only these counts are known."""
    return slurm.Settings(
        computes_priority=False,
        goes_by_list=False,
        has_weights=False,
        max_array_size=known.get("max_array_size"),
        max_job_count=known.get("max_job_count"),
    )


@pytest.mark.parametrize(
    ("known", "mode", "said"),
    [
        ({"max_job_count": 22, "max_array_size": 23}, Mode.ARRAY, None),
        (
            {"max_job_count": 21},
            Mode.ARRAY,
            "the round has 22 jobs, elements of arrays included; this cluster holds 21",
        ),
        ({"max_job_count": 21}, Mode.TIERS, "the round has 22 jobs"),
        ({"max_job_count": 21}, Mode.JOBS, "the round has 22 jobs"),
        ({"max_job_count": 2}, Mode.PACKED, None),
        ({"max_array_size": 22}, Mode.ARRAY, "array.sh has an element 22; this cluster's MaxArraySize is 22"),
        ({"max_array_size": 1}, Mode.JOBS, None),
        ({}, Mode.ARRAY, None),
    ],
)
def test_a_round_that_the_cluster_cannot_hold_is_refused_before_sbatch_waits_for_room(
    known: dict[str, int], mode: Mode, said: str | None
) -> None:
    layout = jobs(plans.plan(plans.config(submit={"mode": mode})))
    if said is None:
        preview.check_counts(settings(**known), layout)
    else:
        with pytest.raises(FailureError, match=said):
            preview.check_counts(settings(**known), layout)
