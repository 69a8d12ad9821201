"""The private cluster itself: does it run jobs, kill for memory and account for it the way chromplan relies on?"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import slurm_processes as processes
from cluster import Cluster, Node, missing_programs, slurm_version

FIELDS = ("JobID", "State", "ExitCode", "ReqMem", "MaxRSS")
GROW_TO_400_MB = """python3 -c '
import time
held = []
for _ in range(40):
    held.append(bytearray(10 << 20))
    time.sleep(0.1)
time.sleep(5)
'"""


# who killed it, by uid, depends on the version; a shell whose program is killed first ends with 137 by itself, which is
# told in two ways, too
KILLED = re.compile(r"CANCELLED by \d+ 0:9|CANCELLED 0:9|FAILED (0:9|9:0|137:0)")


def how(row: dict[str, str]) -> str:
    return f"{row['State']} {row['ExitCode']}"


def kib(text: str) -> int:
    assert text.endswith("K")
    return int(text[:-1])


def test_a_job_runs_as_an_ordinary_user_and_shows_in_sacct(cluster: Cluster) -> None:
    job = cluster.sbatch(
        "id -un; srun -J chr22 sleep 0.1", "--mem=100", "--output=out.txt", cwd=(d := cluster.user_dir())
    )
    cluster.wait(job)
    assert (d / "out.txt").read_text().strip() == cluster.person.name
    states = {row["JobID"]: row["State"] for row in cluster.sacct(job, fields=FIELDS)}
    assert states == dict.fromkeys((job, f"{job}.batch", f"{job}.0"), "COMPLETED")


def test_root_does_not_submit_when_nobody_can_read_the_checkout(omk_cluster: Cluster) -> None:
    uid = int(omk_cluster.run(["id", "-u"]).stdout)
    if os.geteuid() != 0:
        assert uid == os.geteuid()
    elif subprocess.run(["cat", __file__], user="nobody", capture_output=True, check=False).returncode == 0:
        assert uid != 0


def test_a_job_above_its_memory_is_killed_and_sacct_says_so_in_the_flavours_words(cluster: Cluster) -> None:
    job = cluster.sbatch(GROW_TO_400_MB, "--mem=150")
    cluster.wait(job)
    allocation, batch = cluster.sacct(job, fields=FIELDS)
    if cluster.flavour == "cgroup":
        assert how(allocation) == how(batch) == "OUT_OF_MEMORY 0:125"
        assert kib(batch["MaxRSS"]) <= 150 * 1024
    else:
        assert allocation["State"] == "FAILED"
        assert KILLED.fullmatch(how(allocation)), how(allocation)
        assert KILLED.fullmatch(how(batch)), how(batch)
        assert kib(batch["MaxRSS"]) > 150 * 1024


def test_a_step_above_its_memory_leaves_its_job_standing(cluster: Cluster) -> None:
    job = cluster.sbatch(f"srun --mem=150 {GROW_TO_400_MB}; exit 0", "--mem=500")
    cluster.wait(job)
    rows = {row["JobID"]: row for row in cluster.sacct(job, fields=FIELDS)}
    assert rows[job]["State"] == "COMPLETED"
    # the step is the witness: DerivedExitCode misses a step that slurmctld hears of after the job's end
    step = rows[f"{job}.0"]
    if cluster.flavour == "cgroup":
        assert how(step) == "OUT_OF_MEMORY 0:125"
    else:
        assert KILLED.fullmatch(how(step)), how(step)


def test_elements_of_a_held_array_take_memory_of_their_own(cluster: Cluster) -> None:
    array = cluster.sbatch("exit 0", "--hold", "--array=1-3", "--mem=200")
    for element, mem_mb in ((1, 100), (2, 200), (3, 300)):
        cluster.run(["scontrol", "update", f"JobId={array}_{element}", f"MinMemoryNode={mem_mb}"])
    cluster.run(["scontrol", "release", array])
    elements = [f"{array}_{n}" for n in (1, 2, 3)]
    cluster.wait(*elements)
    asked_mb = cluster.asked_mb()
    assert [asked_mb[element] for element in elements] == [100, 200, 300]


def test_the_users_chromplan_is_this_checkout(omk_cluster: Cluster) -> None:
    import planner

    told = omk_cluster.run(["python3", "-c", "import planner; print(planner.__file__)"]).stdout.strip()
    assert told == planner.__file__
    assert planner.__version__ in omk_cluster.run(["chromplan", "--version"]).stdout


def test_a_cluster_can_have_other_nodes_scheduler_priority_and_plugins(
    start_cluster: Callable[..., Cluster],
) -> None:
    special = start_cluster(
        nodes=[Node(cpus=2, mem_mb=1000), Node(cpus=4, mem_mb=3000), Node(cpus=4, mem_mb=3000)],
        scheduler="builtin",
        priority="multifactor",
        extra="PartitionName=fat Nodes=n[2-3] MaxTime=60",
        job_submit_lua="""
function slurm_job_submit(description, partitions, uid) return slurm.SUCCESS end
function slurm_job_modify(description, record, partitions, uid)
    return slurm.ERROR
end
return slurm.SUCCESS
""",
    )
    told = special.run(["scontrol", "show", "config"]).stdout
    assert "sched/builtin" in told
    assert "priority/multifactor" in told
    nodes = special.run(["sinfo", "-h", "-p", "fat", "-N", "-o", "%N %c %m"]).stdout.splitlines()
    assert nodes == ["n2 4 3000", "n3 4 3000"]
    job = special.sbatch("exit 0", "--hold", "--mem=100")
    refused = special.run(["scontrol", "update", f"JobId={job}", "MinMemoryNode=200"], check=False)
    assert refused.returncode != 0
    assert "MinMemoryNode=100M" in special.run(["scontrol", "show", "job", job]).stdout


def test_accounting_can_be_down_for_a_while(omk_cluster: Cluster) -> None:
    with omk_cluster.accounting.down():
        assert omk_cluster.run(["sacct", "-X"], check=False).returncode != 0
    assert omk_cluster.run(["sacct", "-X"]).returncode == 0


def test_what_a_killed_run_left_behind_is_cleared_away_and_nothing_else(tmp_path: Path) -> None:
    """A run that dies at once leaves a program it did not leash; the next run ends that one only."""
    text = f"""
import os, sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import slurm_processes as processes
home = processes.make_home()
programs = processes.Programs(home)
programs.keep = True
programs.start("orphan", ["sleep", "600"])
print(home, flush=True)
os._exit(1)
"""
    home = Path(
        subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False).stdout.strip()
    )
    ((_, orphan, started),) = processes.read_pids(home)
    mine = processes.Programs(tmp_path)
    mine.start("neighbour", ["sleep", "600"])
    assert processes.start_time(orphan) == started
    processes.sweep()
    assert processes.start_time(orphan) is None
    assert not home.exists()
    ((_, neighbour, _),) = processes.read_pids(tmp_path)
    assert processes.start_time(neighbour)
    mine.stop(["neighbour"])
    assert processes.start_time(neighbour) is None


def test_a_start_that_fails_says_what_the_program_said_and_leaves_nothing(omk_cluster: Cluster) -> None:
    broken = Cluster(extra="NoSuchSetting=1", accounting=omk_cluster.accounting)
    with pytest.raises(processes.StartError, match="NoSuchSetting"):
        broken.start()
    assert not broken.home.exists()


def test_the_version_is_found_where_daemons_are_not_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    if "slurmctld" in missing_programs():
        pytest.skip("no Slurm here")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert slurm_version() >= (20, 2)
