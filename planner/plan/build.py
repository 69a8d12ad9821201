"""Tasks + model + site -> plan: every request with its reason, the order, the expected times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from planner.core import genome, shell
from planner.core.config import Config, Memory, Sample
from planner.core.records import Mode, Outcome, Task
from planner.formula.prior import Prior
from planner.memory.model import MemoryModel
from planner.plan.choosing import AUTO, allowed_types, choose_mode, try_het
from planner.plan.document import LeftOut, Plan, Target, round_name
from planner.plan.placing import place
from planner.plan.requests import Earlier, Sized, Sizer
from planner.schedule import listing as order
from planner.site import Site

_PILOT_NOTE = "nothing is known of this tool's memory yet: the smallest tasks go first, 'chromplan next' plans the rest"


# modes in which a job runs many tasks
_TASKS_ARE_STEPS = (Mode.PACKED, Mode.HET, Mode.DYNAMIC)


def tasks(config: Config, samples: Sequence[Sample], features: Mapping[str, Mapping[str, float]]) -> list[Task]:
    """Return the tasks of a pipeline: every chromosome of every sample.

    Parameters
    ----------
    features : mapping of task name to features
        See `planner.plan.features`.
    """
    return [
        Task(
            name=name,
            tool=config.pipeline.tool,
            sample=sample.name,
            chromosome=chromosome,
            cpus=config.pipeline.cpus,
            features=features[name],
            parameters=sample.columns,
        )
        for name, sample, chromosome in names(config, samples)
    ]


def names(config: Config, samples: Sequence[Sample]) -> list[tuple[str, Sample, str]]:
    """Return (task name, sample, chromosome) of every task of a pipeline."""
    chromosomes = genome.parse_chromosomes(config.pipeline.chromosomes)
    return [
        (sample.task or task_name(sample.name, c), sample, c)
        for sample in samples
        for c in ([sample.chromosome] if sample.chromosome else chromosomes)
    ]


def task_name(sample: str, chromosome: str) -> str:
    """Return ``sample.chr5``, or ``chr5`` for a cohort; safe in job and file names."""
    label = f"chr{genome.plain(chromosome)}"
    return f"{shell.safe_name(sample)}.{label}" if sample else label


def build(
    config: Config,
    wanted: Sequence[Task],
    *,
    site: Site,
    account: str | None,
    model: MemoryModel | None,
    prior: Prior | None = None,
    earlier: Mapping[str, Earlier],
    number: int,
    token: str,
    chromplan: str,
    command: str,
    columns: Mapping[str, str],
    retry_failed: bool = False,
) -> Plan:
    """Decide every request, the order and the expected times.

    Parameters
    ----------
    wanted : sequence of Task
        All tasks of the pipeline; those done or in flight are left out here.
    model : MemoryModel or None
        None while there is no history.
    earlier : mapping of task name to Earlier
    number : int
        The round.

    Raises
    ------
    InputError
        When a task needs more memory than any node of the site has.
    """
    left_out: list[LeftOut] = []
    ready: list[Task] = []
    for task in wanted:
        reason = _why_not(task, earlier.get(task.name), config.memory, retry_failed=retry_failed)
        if reason is None:
            ready.append(task)
        elif reason:
            left_out.append(LeftOut(task=task.name, reason=reason))
    sizer = Sizer(config, site, model, prior)
    # mode dynamic learns within the round
    ready, waiting = _pilot(ready, sizer, config.memory.pilot, first=not earlier and config.submit.mode != "dynamic")
    left_out += waiting
    sized, given_up = _size_all(ready, sizer, earlier)
    left_out += given_up
    ready = [task for task in ready if task.name in sized]
    target = _target(config, site, account, sized)
    mode, notes = choose_mode(config, target, list(sized.values()))
    if waiting:
        notes.append(_PILOT_NOTE)
    if model is not None and not model.fitted and model.skipped:
        notes.append(_unlearnt(config, model))
    ready, queued_later = _queueable(ready, sized, earlier, site, mode)
    left_out += queued_later
    types = allowed_types(config, site) if mode is Mode.HET else []
    placed = place(ready, sized, earlier, target, mode, types, config.submit)
    if mode is Mode.HET and len(placed.batches) == 1:
        mode = Mode.PACKED
        notes.append("one node holds all tasks: mode packed instead of a heterogeneous job")
        placed = place(ready, sized, earlier, target, mode, submit=config.submit)
    if mode is Mode.DYNAMIC and ready:
        notes.append("requests are a first guess: chromplan drive sets each task's limit when it starts")
    if config.submit.mode == AUTO and not config.wrap:
        mode, placed, notes = try_het(config, ready, sized, earlier, target, (mode, placed, notes))
    return Plan(
        chromplan=chromplan,
        token=token,
        name=config.pipeline.name,
        tool=config.pipeline.tool,
        round=number,
        mode=mode,
        target=target,
        command=command,
        columns=dict(columns),
        kept=config.wrap.kept if config.wrap else None,
        makespan_s=placed.makespan_s,
        total_request_mb=sum(task.request_mb for task in placed.tasks),
        tasks=placed.tasks,
        batches=placed.batches,
        left_out=left_out,
        notes=notes,
    )


def _unlearnt(config: Config, model: MemoryModel) -> str:
    """Say why a history that is there teaches nothing."""
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(model.skipped.items()))
    return f"nothing can be learnt from the history of {config.pipeline.tool}: {reasons}"


def _why_not(task: Task, before: Earlier | None, memory: Memory, *, retry_failed: bool) -> str | None:
    """Return why a task is not planned ("" when it is done), or None when it is."""
    if before is None:
        return None
    where = round_name(before.round)
    match before.outcome:
        case None:
            return f"in flight in {where}"
        case Outcome.COMPLETED:
            return ""
        case Outcome.FAILED | Outcome.CANCELLED if not retry_failed:
            return f"{before.outcome} in {where}; more memory would not help; --retry-failed runs it again"
        case _ if before.attempts >= memory.max_attempts:
            return f"gave up after {before.attempts} attempts, the last: {before.outcome} at {before.request_mb} MB"
    return None


def _pilot(ready: list[Task], sizer: Sizer, pilot: int, *, first: bool) -> tuple[list[Task], list[LeftOut]]:
    """Keep the smallest tasks of a first round in which nothing is known."""
    if not (first and sizer.blind and 0 < pilot < len(ready)):
        return ready, []
    by_size = sorted(ready, key=lambda task: (min(task.features.values(), default=0.0), task.name))
    waiting = [LeftOut(task=task.name, reason="waits for what the pilot uses") for task in by_size[pilot:]]
    return by_size[:pilot], waiting


def _size_all(
    ready: Iterable[Task], sizer: Sizer, earlier: Mapping[str, Earlier]
) -> tuple[dict[str, Sized], list[LeftOut]]:
    sized: dict[str, Sized] = {}
    given_up: list[LeftOut] = []
    for task in ready:
        before = earlier.get(task.name)
        if before and before.outcome is Outcome.OOM and before.request_mb >= sizer.cap_mb:
            reason = f"killed for memory at {before.request_mb} MB, all that the largest node offers"
            given_up.append(LeftOut(task=task.name, reason=reason))
        else:
            sized[task.name] = sizer.size(task, before)
    return sized, given_up


def _queueable(
    ready: list[Task], sized: Mapping[str, Sized], earlier: Mapping[str, Earlier], site: Site, mode: Mode
) -> tuple[list[Task], list[LeftOut]]:
    """Keep as many tasks as the site still takes into the queue, the costliest; as steps they are not counted."""
    if site.max_submit is None or mode in _TASKS_ARE_STEPS:
        return ready, []
    in_flight = sum(before.outcome is None for before in earlier.values())
    most = max(0, site.max_submit - in_flight)
    found = [sized[task.name] for task in ready]
    chosen = order.by_cost([one.mem_mb for one in found], [one.wall_s or 1.0 for one in found])
    reason = f"waits: site {site.name} takes {site.max_submit} jobs at once"
    waiting = [LeftOut(task=ready[i].name, reason=reason) for i in chosen[most:]]
    return [ready[i] for i in sorted(chosen[:most])], waiting


def _target(config: Config, site: Site, account: str | None, sized: Mapping[str, Sized]) -> Target:
    """Choose the partition that holds the largest request for the longest time limit."""
    largest = max(sized, key=lambda name: sized[name].mem_mb, default="")
    partition = site.choose(
        mem_mb=sized[largest].mem_mb if sized else 1,
        cpus=config.pipeline.cpus,
        wall_s=max((s.time_limit_s for s in sized.values()), default=0),
        partition=config.submit.partition,
        task=f"task {largest}",
    )
    if config.submit.qos:
        partition = partition.model_copy(update={"qos": config.submit.qos})
    return Target(site=site, partition=partition, account=account, max_running=config.submit.max_running)
