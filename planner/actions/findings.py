"""The findings of `chromplan doctor`: what the facts about a cluster and this machine mean for chromplan. Pure."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from planner.scripts.jobs import NICE_LEVELS
from planner.site.facts import acctg_freq_s
from planner.slurm.settings import parse

TESTED = ("22.05", "24.11", "26.05")
# what the scripts use: wait -n, declare -A, "${!prefix@}"
OLDEST_BASH = (4, 3)
# ended jobs are looked for in the queue before accounting knows them, s
_KEPT_S = 60
# Slurm's own way to say that a plugin is not used
_NONE = ("", "(null)", "none")


class Level(StrEnum):
    """How much a finding matters."""

    FINE = "fine"
    NOTE = "note"
    WRONG = "wrong"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    found : str
        How it is here.
    means : str
        What that changes; empty where it changes nothing.
    """

    level: Level
    about: str
    found: str
    means: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """What a cluster and this machine say of themselves; nothing is judged.

    Attributes
    ----------
    slurm : str or None
        What ``sbatch --version`` says; None without Slurm.
    config : mapping
        ``scontrol show config``.
    silent : str
        Why slurmctld did not answer; empty when it did.
    sacct_failed : str
        Why sacct did not answer; empty when it did.
    update_refused : str or None
        What was said to a change of an own held job; empty when it was made, None when it was not tried.
    variables : tuple of str
        Names of the environment that Slurm's commands take for options.
    own_defaults : bool
        Whether ``~/.slurm/defaults`` exists.
    bash : tuple of int or None
    flock : bool
        Whether the project's folder knows flock.
    gnu_time : bool
        Whether there is a ``/usr/bin/time``.
    """

    slurm: str | None
    config: Mapping[str, str] = field(default_factory=dict)
    silent: str = ""
    sacct_failed: str = ""
    update_refused: str | None = None
    variables: tuple[str, ...] = ()
    own_defaults: bool = False
    bash: tuple[int, int] | None = (5, 2)
    flock: bool = True
    gnu_time: bool = True


def findings(seen: Circumstances) -> list[Finding]:
    """Return what was looked at, and what it means, the cluster first."""
    return [*(_of_the_cluster(seen) if seen.slurm else [_no_slurm()]), *_of_this_machine(seen)]


def _of_the_cluster(seen: Circumstances) -> Iterator[Finding]:
    yield _version(seen.slurm or "")
    if seen.silent:
        yield Finding(
            level=Level.WRONG, about="slurmctld", found=seen.silent, means="nothing can be submitted or followed"
        )
        return
    yield _accounting(seen)
    yield _polls(seen.config)
    yield from _memory(seen.config)
    yield _order(seen.config)
    yield from _limits(seen.config)
    yield _updates(seen)


def _no_slurm() -> Finding:
    return Finding(
        level=Level.WRONG,
        about="Slurm",
        found="no sbatch on the PATH",
        means="submit, status and ingest need it (module load slurm?); plan, render and 'run --local' do not",
    )


def _version(said: str) -> Finding:
    number = re.search(r"\d+\.\d+", said)
    version = number[0] if number else said
    if version in TESTED:
        return Finding(level=Level.FINE, about="Slurm", found=version)
    tested = ", ".join(TESTED)
    return Finding(level=Level.NOTE, about="Slurm", found=version, means=f"not among the versions tested: {tested}")


def _accounting(seen: Circumstances) -> Finding:
    kind = seen.config.get("AccountingStorageType", "").removeprefix("accounting_storage/")
    if kind in _NONE:
        means = "sacct knows nothing: only a task's own record tells what it used, only the queue how it ended"
        return Finding(level=Level.NOTE, about="accounting", found="none", means=means)
    if seen.sacct_failed:
        means = "until it answers, ingest and next cannot learn what has ended; nothing is lost"
        return Finding(level=Level.WRONG, about="accounting", found=seen.sacct_failed, means=means)
    return Finding(level=Level.FINE, about="accounting", found=f"{kind}, answers")


def _polls(config: Mapping[str, str]) -> Finding:
    kind = config.get("JobAcctGatherType", "").removeprefix("jobacct_gather/")
    if kind in _NONE:
        means = "sacct has no peaks: only chromplan's own records measure tasks, nothing measures other jobs"
        return Finding(level=Level.NOTE, about="memory is sampled", found="never", means=means)
    with contextlib.suppress(ValueError):
        if seconds := acctg_freq_s(config):
            return Finding(level=Level.FINE, about="memory is sampled", found=f"{kind}, every {seconds} s")
    means = "sacct has no peaks unless a job asks for them; chromplan's jobs do"
    return Finding(level=Level.NOTE, about="memory is sampled", found="only where a job asks", means=means)


def _memory(config: Mapping[str, str]) -> Iterator[Finding]:
    counted = "MEMORY" in config.get("SelectTypeParameters", "").upper()
    if not counted:
        means = "Slurm starts tasks whose memory does not fit together: plan with mode packed, whose script counts it"
        yield Finding(
            level=Level.WRONG, about="memory is counted", found="no (SelectTypeParameters without _Memory)", means=means
        )
    if config.get("ConstrainRAMSpace", "").lower() == "yes" and "cgroup" in config.get("TaskPlugin", ""):
        yield Finding(level=Level.FINE, about="memory is enforced", found="by the kernel (control groups)")
    elif "OverMemoryKill" in config.get("JobAcctGatherParams", ""):
        means = "a peak between two samples is missed; a task above its request runs on until the next sample"
        yield Finding(level=Level.FINE, about="memory is enforced", found="by Slurm's samples", means=means)
    else:
        means = "a task above its request is not killed, and other jobs on its node may suffer"
        yield Finding(level=Level.NOTE, about="memory is enforced", found="Slurm does not say that it is", means=means)


def _order(config: Mapping[str, str]) -> Finding:
    settings = parse(config)
    scheduler = config.get("SchedulerType", "").removeprefix("sched/")
    kind = config.get("PriorityType", "").removeprefix("priority/")
    found = f"sched/{scheduler}, priority/{kind}"
    if settings.goes_by_list:
        means = "tasks start in the order of the updates; mode het needs sched/backfill"
        return Finding(level=Level.FINE, about="order of tasks", found=found, means=means)
    if not settings.computes_priority:
        return Finding(
            level=Level.FINE, about="order of tasks", found=found, means="tasks start in the order of their release"
        )
    if not settings.has_weights:
        means = "no priority factor has a weight, so Nice has no effect: array elements start by index"
        return Finding(level=Level.NOTE, about="order of tasks", found=found, means=means)
    weights = {name: value for name, value in config.items() if name.startswith("PriorityWeight")}
    if weights.get("PriorityWeightTRES", "(null)").strip() not in ("(null)", "", "0"):
        means = "by Nice; if PriorityWeightTRES names memory, it may outweigh Nice"
        return Finding(level=Level.NOTE, about="order of tasks", found=found, means=means)
    means = f"by Nice, in {NICE_LEVELS} steps of 1 at most"
    return Finding(level=Level.FINE, about="order of tasks", found=found, means=means)


def _limits(config: Mapping[str, str]) -> Iterator[Finding]:
    settings = parse(config)
    if settings.max_array_size is not None:
        means = (
            f"max_array_size of the site file; arrays beyond index {settings.max_array_size - 1} are submitted in parts"
        )
        if settings.max_array_size <= 1:
            means = "no arrays here: plan with mode jobs, packed or dynamic"
        level = Level.FINE if settings.max_array_size > 1 else Level.WRONG
        yield Finding(level=level, about="MaxArraySize", found=str(settings.max_array_size), means=means)
    if settings.max_job_count is not None:
        means = "jobs of all users, elements of arrays included; a larger round needs max_job_count, or mode packed"
        yield Finding(level=Level.FINE, about="MaxJobCount", found=str(settings.max_job_count), means=means)
    kept = re.match(r"\d+", config.get("MinJobAge", ""))
    if kept and int(kept[0]) < _KEPT_S:
        means = "ended jobs leave the queue at once: only accounting knows how they ended"
        yield Finding(level=Level.NOTE, about="MinJobAge", found=config["MinJobAge"], means=means)


def _updates(seen: Circumstances) -> Finding:
    about = "waiting jobs may be changed"
    if seen.update_refused:
        means = (
            "array elements cannot have memory of their own: with job_updates = false in the site file, "
            "tiers are submitted at once"
        )
        return Finding(level=Level.NOTE, about=about, found=seen.update_refused, means=means)
    if seen.update_refused is not None:
        return Finding(level=Level.FINE, about=about, found="yes, tried")
    plugins = seen.config.get("JobSubmitPlugins", "")
    if plugins in _NONE:
        return Finding(level=Level.FINE, about=about, found="nothing forbids it")
    means = "it may refuse or alter changes: 'chromplan doctor --try' tests this with a held job of your own"
    return Finding(level=Level.NOTE, about=about, found=f"plugin {plugins}", means=means)


def _of_this_machine(seen: Circumstances) -> Iterator[Finding]:
    if seen.variables:
        means = (
            "they set options of Slurm's commands; only 'chromplan wrap' and 'chromplan sbatch' take them into account"
        )
        yield Finding(level=Level.NOTE, about="environment", found=", ".join(seen.variables), means=means)
    if seen.own_defaults:
        means = "sbatch and srun take options from it that chromplan does not see"
        yield Finding(level=Level.NOTE, about="~/.slurm/defaults", found="exists", means=means)
    oldest = ".".join(map(str, OLDEST_BASH))
    if seen.bash is None or seen.bash < OLDEST_BASH:
        found = ".".join(map(str, seen.bash)) if seen.bash else "not found"
        means = f"the scripts need {oldest} where they run: modes packed and het, and submit.sh"
        yield Finding(level=Level.WRONG, about="bash", found=found, means=means)
    else:
        yield Finding(level=Level.FINE, about="bash", found=".".join(map(str, seen.bash)))
    if seen.gnu_time:
        yield Finding(level=Level.FINE, about="/usr/bin/time", found="here", means="the nodes need it, too")
    else:
        means = (
            "nodes without it sample memory from /proc, which misses very short peaks (Debian, Fedora: package time)"
        )
        yield Finding(level=Level.NOTE, about="/usr/bin/time", found="not here", means=means)
    if seen.flock:
        yield Finding(level=Level.FINE, about="locks in this folder", found="flock")
    else:
        means = "a lock file with host and process id is used instead"
        yield Finding(level=Level.NOTE, about="locks in this folder", found="no flock", means=means)
