"""Past arrays, written as sacct prints them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from planner.advice.arrays import PastArray, gather
from planner.core import genomes
from planner.history.sacct.read import read_text

LENGTHS_BP = genomes.lengths("GRCh38")
HEADER = (
    "JobID|JobName|State|ExitCode|ReqMem|AllocTRES|MaxRSS|NTasks|AllocCPUS|ElapsedRaw|TotalCPU|TimelimitRaw"
    "|Submit|Start|End|NodeList|WorkDir|SubmitLine"
)
SUBMIT_S = 1_767_225_000
SUBMIT_LINE = "sbatch --array=1-22 impute.sh NA12878"


@dataclass(frozen=True, kw_only=True)
class Job:
    """One job of sacct, with its batch step; sizes in MiB, times in s."""

    id: str
    peak_mb: float | None = 1000.0
    limit_mb: int = 8000
    wall_s: int = 1000
    state: str = "COMPLETED"
    exit_code: str = "0:0"
    name: str = "impute.sh"
    cpus: int = 2
    cpu: str = "00:25:00"
    start_s: int = SUBMIT_S + 100
    submit_s: int = SUBMIT_S
    limit_s: int = 86_400
    req_mem: str = ""
    line: str = SUBMIT_LINE
    step: str = "batch"
    billing: int | None = None
    """As many as CPUs by default, as where the site weighs nothing."""

    def text(self) -> str:
        tres = (
            f"billing={self.cpus if self.billing is None else self.billing},cpu={self.cpus},mem={self.limit_mb}M,node=1"
        )
        times = f"{self.submit_s}|{self.start_s}|{self.start_s + self.wall_s}"
        rss = "" if self.peak_mb is None else f"{round(self.peak_mb * 1024)}K"
        state, req = self.state, self.req_mem or f"{self.limit_mb}M"
        rest = f"{self.cpus}|{self.wall_s}|{self.cpu}|{self.limit_s // 60}|{times}|n1|/home/me/impute"
        job = f"{self.id}|{self.name}|{state}|{self.exit_code}|{req}|{tres}|||{rest}|{self.line}\n"
        own = f"{self.cpus}|{self.wall_s}|{self.cpu}||{self.start_s}|{self.start_s}|{self.start_s + self.wall_s}|n1||"
        return job + f"{self.id}.{self.step}|{self.step}|{state}|{self.exit_code}||{tres}|{rss}|1|{own}\n"


def killed(job: Job) -> Job:
    """Return the job as one that was killed for memory half-way."""
    return replace(job, state="OUT_OF_MEMORY", exit_code="0:125", peak_mb=0.97 * job.limit_mb, wall_s=job.wall_s // 2)


def text(*jobs: Job) -> str:
    return f"{HEADER}\n" + "".join(job.text() for job in jobs)


def arrays(*jobs: Job) -> list[PastArray]:
    read = read_text(text(*jobs))
    assert not read.skipped
    return gather(read.attempts)


def by_chromosome(limit_mb: int = 7000, *, per_mb: float = 30.0) -> list[Job]:
    """Return an array over chromosomes whose peaks follow their lengths; the largest are killed."""
    found = []
    for index in range(1, 23):
        length = LENGTHS_BP[str(index)] / 1e6
        wobble = 1 + 0.02 * (index % 3 - 1)
        job = Job(id=f"4711_{index}", peak_mb=per_mb * length * wobble, limit_mb=limit_mb, wall_s=round(20 * length))
        found.append(killed(job) if (job.peak_mb or 0) > limit_mb else job)
    return found
