"""How much memory this process may use."""

from pathlib import Path

import psutil
import pytest

from planner.site.local import usable_mb

MIB = 1 << 20
MACHINE_MB = psutil.virtual_memory().total // MIB


def control_group(root: Path, lines: str, limits: dict[str, str]) -> Path:
    (root / "proc/self").mkdir(parents=True)
    (root / "proc/self/cgroup").write_text(lines)
    for path, limit in limits.items():
        file = root / "sys/fs/cgroup" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(limit)
    return root


def test_it_is_the_machine_s_without_control_groups(tmp_path: Path) -> None:
    assert usable_mb(tmp_path) == MACHINE_MB


@pytest.mark.parametrize("limited", ["job/step/memory.max", "job/memory.max"])
def test_it_is_the_lowest_limit_of_the_control_group_and_those_above_it(tmp_path: Path, limited: str) -> None:
    limits = {"job/step/memory.max": "max\n", "job/memory.max": "max\n"} | {limited: f"{100 * MIB}\n"}
    assert usable_mb(control_group(tmp_path, "0::/job/step\n", limits)) == 100


def test_it_knows_version_1_control_groups(tmp_path: Path) -> None:
    lines = "5:cpu,cpuacct:/\n4:memory:/slurm/job_1\n0::/\n"
    root = control_group(tmp_path, lines, {"memory/slurm/job_1/memory.limit_in_bytes": str(200 * MIB)})
    assert usable_mb(root) == 200


def test_a_container_sees_its_own_limit_at_the_root(tmp_path: Path) -> None:
    root = control_group(tmp_path, "0::/docker/abc\n", {"memory.max": str(300 * MIB)})
    assert usable_mb(root) == 300


def test_a_limit_above_the_machine_s_memory_is_none(tmp_path: Path) -> None:
    root = control_group(tmp_path, "4:memory:/\n", {"memory/memory.limit_in_bytes": str(1 << 62)})
    assert usable_mb(root) == MACHINE_MB
