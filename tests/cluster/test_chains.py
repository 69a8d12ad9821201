"""Steps one after another whose rounds go on by themselves: whatever the moment at which one looks at the other."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
import slurm_processes as processes
from cluster import Cluster
from wrapped import HOLD, Folder, outcomes

pytestmark = pytest.mark.cluster
# chr21 is killed for memory twice: it holds more the second time, once it is let
GROW = f"""
[ -e go ] || while [ ! -e go ]; do sleep 0.2; done
if [ "$SLURM_ARRAY_TASK_ID" = 21 ]; then
  echo x >>tries
  tries=$(wc -l <tries)
  [ "$tries" != 2 ] || while [ ! -e grow ]; do sleep 0.2; done
  [ "$tries" = 3 ] || {HOLD.replace("$1", "$((150 * tries))")} || exit 1
fi
touch phased.$SLURM_ARRAY_TASK_ID"""


class Chain:
    """Two steps, the second of which follows the first chromosome by chromosome; both go on by themselves."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.folder = Folder(cluster)
        self.folder.script("phase.sh", GROW, array="21-22")
        body = "cat phased.$SLURM_ARRAY_TASK_ID && touch imputed.$SLURM_ARRAY_TASK_ID"
        self.folder.script("impute.sh", body, array="21-22")
        self.folder.sbatch("--then-next", "phase.sh")
        self.folder.sbatch("--then-next", "--after=phase", "impute.sh")

    def goes_on(self, step: str, number: int) -> str | None:
        """Return the job that goes on behind a round of a step; None while there is none."""
        path = self.folder.last_run(step) / f"rounds/r{number:03d}/submission.json"
        jobs = json.loads(path.read_text())["jobs"] if path.exists() else []
        found: list[str] = [job["job_id"] for job in jobs if job["script"] == "next.sh" and "job_id" in job]
        return found[-1] if found else None

    def until(self, step: str, number: int) -> str:
        """Wait for the job that goes on behind a round of a step."""
        processes.wait_until(lambda: bool(self.goes_on(step, number)), f"{step} {number}", timeout_s=90, pause_s=0.2)
        return self.goes_on(step, number) or ""

    def grow(self) -> str:
        """Let chr21 be killed for the second time; return its job there."""
        path = self.folder.last_run("phase") / "rounds/r002/manifest.tsv"
        (line,) = path.read_text().splitlines()[1:]
        job_id = line.split("\t")[1]
        self.folder.write("grow", "")
        self.cluster.wait(job_id)
        return job_id.partition("_")[0]

    def wrapping(self, **scripts: str) -> str:
        """Return a PATH on which these lines of bash stand before Slurm's commands; ``$real`` is the command itself."""
        self.folder.run("mkdir", "wrapping")
        for program, lines in scripts.items():
            real = self.folder.run("which", program)
            self.folder.write(f"wrapping/{program}", f'#!/bin/bash\nreal={real}\n{lines}\nexec "$real" "$@"\n')
            self.folder.run("chmod", "+x", f"wrapping/{program}")
        return f"{self.folder.path}/wrapping:{self.cluster.environment()['PATH']}"

    def go_on(self, path: str | None = None, *, check: bool = True) -> int:
        """Have the second step go on by hand; return the exit code."""
        argv = ["chromplan", "next", "--submit", "--then-next", "-C", "impute"]
        env = {"PATH": path} if path else None
        return self.cluster.run(argv, cwd=self.folder.path, env=env, check=check, timeout_s=900).returncode

    def is_over(self) -> bool:
        return not self.cluster.run(["squeue", "-h", "-o", "%F"]).stdout.split()

    def finish(self) -> None:
        processes.wait_until(self.is_over, "the last job to end", timeout_s=180, pause_s=0.5)
        assert sorted(self.folder.left("imputed.*")) == ["imputed.21", "imputed.22"]
        assert outcomes(self.folder.finish("impute")) == {"chr21": "completed", "chr22": "completed"}
        assert self.folder.finish("phase")["chr21"]["round"] == 3


@dataclass(frozen=True)
class Between:
    """A chain at that moment.

    Attributes
    ----------
    looks : str
        The job with which the second step goes on: held.
    third_round : str
        The job with which the first step goes on: held.
    second_job : str
        In which chr21 was killed for the second time.
    """

    chain: Chain
    looks: str
    third_round: str
    second_job: str


@pytest.fixture
def between(omk_cluster: Cluster) -> Between:
    """The chain behind the second kill of chr21, before the third round."""
    chain = Chain(omk_cluster)
    looks = chain.until("impute", 1)
    chain.folder.run("scontrol", "hold", looks)
    chain.folder.write("go", "")
    third_round = chain.until("phase", 2)
    chain.folder.run("scontrol", "hold", third_round)
    return Between(chain, looks, third_round, chain.grow())


def test_a_step_that_looks_between_a_second_kill_and_the_third_round_waits_for_that(between: Between) -> None:
    chain, cluster = between.chain, between.chain.cluster
    chain.folder.run("scontrol", "release", between.looks)
    cluster.wait(between.looks)
    again = chain.goes_on("impute", 1)
    assert again != between.looks
    assert between.third_round in chain.folder.run("squeue", "-h", "-j", again or "", "-o", "%E")
    chain.folder.run("scontrol", "release", between.third_round)
    chain.finish()


def test_a_step_that_is_so_slow_that_the_third_round_comes_and_goes_while_it_plans_looks_again(
    between: Between,
) -> None:
    chain, squeue = between.chain, between.chain.folder.run("which", "squeue")
    chain.folder.run("scancel", between.looks)
    # once it has looked at the steps before, squeue answers when they are over
    releases = f"scontrol release {between.third_round}; touch late"
    asked = f'[[ "$*" != *--format=%F || ! -e looked || -e late ]] || {{ {releases}; }}'
    over = f"[ ! -e late ] || while {squeue} -h -o %F | grep -q .; do sleep 0.5; done"
    looked = f'[[ "$*" != *{between.second_job}* ]] || touch looked'
    path = chain.wrapping(squeue=f"{asked}; {over}", sacct=looked)
    chain.go_on(path)
    assert "late" in chain.folder.left("late")
    chain.finish()


def test_a_look_that_is_killed_behind_its_sbatch_has_one_job_that_looks_again(between: Between) -> None:
    chain = between.chain
    chain.folder.run("scancel", between.looks)
    path = chain.wrapping(sbatch='"$real" "$@"; kill -9 "$PPID"')
    assert chain.go_on(path, check=False) != 0
    for _ in range(2):
        chain.go_on()
    again = chain.goes_on("impute", 1)
    queue = chain.folder.run("squeue", "-h", "-o", "%F").split()
    assert sorted(queue) == sorted([between.third_round, again or ""])
    chain.folder.run("scontrol", "release", between.third_round)
    chain.finish()
