"""From inputs to plan in one pure call: every request with its reason, the order, the expected times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from planner.core.config import Config, Memory, Submit
from planner.core.modes import AUTO, BatchPacker, Mode
from planner.core.records import Outcome, Task
from planner.plan import pilot, steps, threads
from planner.plan.choosing import allowed_types, choose_mode, try_het
from planner.plan.document import Extent, LeftOut, Plan, Target, round_name
from planner.plan.inputs import Earlier, PlanInputs
from planner.plan.placing import Placed, place
from planner.plan.requests import SizedTask, TaskSizer
from planner.schedule import listing as order

_BLIND_NOTE = (
    "nothing is known of this tool's memory yet: a few tasks of all sizes go first, 'chromplan next' plans the rest"
)
_BEYOND_NOTE = "some tasks are far larger than any measured: a few of them go first, 'chromplan next' plans the rest"
_WAITS = "waits for the pilot's results"
_MAILED = "END,FAIL"


def plan(inputs: PlanInputs, mode: str | None = None, submit: Mapping[str, str | None] | None = None) -> Plan:
    """Decide every request, the order and the expected times.

    Pure: the same inputs give the same plan.

    Parameters
    ----------
    inputs : PlanInputs
    mode : str, optional
        Replaces ``submit.mode``.
    submit : mapping, optional
        Replacements for ``packer`` and ``order`` of ``[submit]``; None keeps the configured value.

    Raises
    ------
    InputError
        When a task needs more memory than any node of the site has, or a mode, packer or order does not exist or is
        impossible there.
    """
    inputs = inputs.submitting({"mode": mode, **(submit or {})})
    planned = _plan(inputs)
    return planned if inputs.preceding is None else steps.follow(planned, inputs.preceding)


def _plan(inputs: PlanInputs) -> Plan:
    config = inputs.config
    sizer = TaskSizer(inputs)
    to_run, left_out = due(inputs)
    sized, given_up = _size_all(to_run, sizer, inputs.earlier)
    sized, waiting, pilot_notes = _pilot(sized, inputs, sizer)
    target = _target(inputs, sized)
    mode, notes = choose_mode(config, target, sized)
    sized, cpus_notes = threads.give(sized, inputs, sizer, at=target.partition, mode=mode)
    notes += [*inputs.notes, *pilot_notes, *cpus_notes, *_unlearnt(inputs)]
    sized, queued_later = _queueable(sized, inputs, mode)
    mode, placed, notes = _place(config, sized, target, mode, notes)
    return Plan(
        chromplan=inputs.chromplan,
        token=inputs.token,
        name=config.pipeline.name,
        tool=config.pipeline.tool,
        round=inputs.number,
        mode=mode,
        target=target,
        command=inputs.command,
        columns=dict(inputs.columns),
        cpus=config.pipeline.cpus_tried if len(config.pipeline.cpus_tried) > 1 else (),
        user_script=config.wrap.user_script if config.wrap else None,
        makespan_s=placed.makespan_s,
        total_request_mb=sum(task.request_mb for task in placed.tasks),
        largest_peak_mb=sizer.retry.largest,
        tasks=placed.tasks,
        batches=placed.batches,
        left_out=[*left_out, *waiting, *given_up, *queued_later],
        extent=_extent(inputs.tasks),
        notes=notes,
    )


def _extent(tasks: Sequence[Task]) -> Extent:
    return Extent(
        samples=len({task.sample for task in tasks if task.sample}),
        regions=len({(task.chromosome, task.region) for task in tasks}),
        tasks=len(tasks),
    )


def _place(
    config: Config, sized: Sequence[SizedTask], target: Target, mode: Mode, notes: list[str]
) -> tuple[Mode, Placed, list[str]]:
    """Place the tasks in the given mode, or in one that turns out to suit better."""
    types = allowed_types(config, target.site) if mode is Mode.HET else []
    placed = place(sized, target, mode, types, config.submit)
    if mode is Mode.HET and len(placed.batches) == 1:
        mode = Mode.PACKED
        notes = [*notes, "one node holds all tasks: mode packed instead of a heterogeneous job"]
        placed = place(sized, target, mode, submit=config.submit)
    if mode is Mode.DYNAMIC and sized:
        notes = [*notes, "requests are a first guess: chromplan drive sets each task's limit when it starts"]
    if config.submit.mode == AUTO and not config.wrap:
        mode, placed, notes = try_het(config, sized, target, (mode, placed, notes))
    return mode, placed, [*notes, *placed.notes, *_without_effect(config.submit, mode)]


def _without_effect(submit: Submit, mode: Mode) -> list[str]:
    """Return notes on settings that have no effect in a mode."""
    notes = []
    if submit.order is not None and mode.tasks_are_steps:
        notes.append(f"order {submit.order}: tasks of mode {mode} start in the mode's own order")
    if submit.packer is not BatchPacker.AUTO and mode not in (Mode.PACKED, Mode.HET):
        notes.append(f"packer {submit.packer}: only the modes packed and het deal tasks to allocations before they run")
    return notes


def due(inputs: PlanInputs) -> tuple[list[Task], list[LeftOut]]:
    """Split the tasks into those to run and those left out with a reason; done tasks are in neither."""
    to_run: list[Task] = []
    left_out: list[LeftOut] = []
    for task in inputs.tasks:
        before = inputs.earlier.get(task.name)
        reason = _why_not(before, inputs.config.memory, retry_failed=inputs.retry_failed)
        if reason is None:
            to_run.append(task)
        elif reason:
            left_out.append(LeftOut(task=task.name, reason=reason))
    return to_run, left_out


def _unlearnt(inputs: PlanInputs) -> list[str]:
    """Return notes on why an existing history is not used."""
    model = inputs.model
    if model is None or model.fitted or not model.skipped:
        return []
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(model.skipped.items()))
    return [f"nothing can be learnt from the history of {inputs.config.pipeline.tool}: {reasons}"]


def _why_not(before: Earlier | None, memory: Memory, *, retry_failed: bool) -> str | None:
    """Return why a task is not planned ("" when it is done), or None when it is."""
    if before is None:
        return None
    where = round_name(before.round)
    match before.outcome:
        case None:
            return f"in flight in {where}, or ended but not recorded yet: 'chromplan next' checks"
        case Outcome.COMPLETED:
            return ""
        case Outcome.FAILED | Outcome.CANCELLED if not retry_failed:
            return f"{before.outcome} in {where}; more memory would not help; --retry-failed runs it again"
        case _ if before.attempts >= memory.max_attempts:
            return f"gave up after {before.attempts} attempts, the last: {before.outcome} at {before.request_mb} MB"
    return None


def _pilot(
    sized: list[SizedTask], inputs: PlanInputs, sizer: TaskSizer
) -> tuple[list[SizedTask], list[LeftOut], list[str]]:
    """Keep a few tasks of all sizes if nothing is known, or of the tasks beyond what is known; the others wait.

    Tasks that ran before already belong to a pilot: while some of them run again, no others of their kind are added.
    """
    # mode dynamic learns within the round
    if inputs.config.submit.mode == "dynamic":
        return sized, [], []
    if sizer.blind:
        kind, note = [] if inputs.earlier else sized, _BLIND_NOTE
    else:
        kind, note = [one for one in sized if one.beyond], _BEYOND_NOTE
    most = inputs.config.memory.pilot
    if sizer.blind:
        most *= len(threads.spread(inputs.config.pipeline.cpus_tried))
    if not 0 < most < len(kind):
        return sized, [], []
    again = [one.task for one in kind if one.attempt > 1]
    chosen = again or pilot.choose([one.task for one in kind], sizer.sizes, most)
    rank = {task.name: number for number, task in enumerate(chosen, start=1)}
    waiting = {one.task.name for one in kind} - set(rank)
    left_out = [LeftOut(task=one.task.name, reason=_WAITS) for one in sized if one.task.name in waiting]
    going = [one for one in sized if one.task.name not in waiting]
    return sorted(going, key=lambda one: rank.get(one.task.name, 0)), left_out, [note] if waiting else []


def _size_all(
    to_run: Iterable[Task], sizer: TaskSizer, earlier: Mapping[str, Earlier]
) -> tuple[list[SizedTask], list[LeftOut]]:
    sized: list[SizedTask] = []
    given_up: list[LeftOut] = []
    for task in to_run:
        before = earlier.get(task.name)
        if before and before.outcome is Outcome.OOM and before.request_mb >= sizer.cap_mb:
            reason = f"killed for memory at {before.request_mb} MB, all that the largest node offers"
            given_up.append(LeftOut(task=task.name, reason=reason))
        else:
            sized.append(sizer.size(task, before))
    return sized, given_up


def _queueable(sized: list[SizedTask], inputs: PlanInputs, mode: Mode) -> tuple[list[SizedTask], list[LeftOut]]:
    """Keep the costliest tasks, as many as the site still accepts in its queue; tasks that are steps do not count."""
    site = inputs.site
    if site.most_queued is None or mode.tasks_are_steps:
        return sized, []
    in_flight = sum(before.outcome is None for before in inputs.earlier.values())
    most = max(0, site.most_queued - in_flight)
    chosen = order.by_cost([one.mem_mb for one in sized], [one.wall_s or 1.0 for one in sized])
    reason = f"waits: site {site.name} takes {site.most_queued} jobs at once"
    waiting = [LeftOut(task=sized[i].task.name, reason=reason) for i in chosen[most:]]
    return [sized[i] for i in sorted(chosen[:most])], waiting


def _target(inputs: PlanInputs, sized: Sequence[SizedTask]) -> Target:
    """Choose the partition that holds the largest request for the longest time limit."""
    submit = inputs.config.submit
    largest = max(sized, key=lambda one: one.mem_mb, default=None)
    partition = inputs.site.choose(
        mem_mb=largest.mem_mb if largest else 1,
        cpus=max((one.task.cpus for one in sized), default=1),
        wall_s=max((one.time_limit_s for one in sized), default=0),
        partition=submit.partition,
        task=f"task {largest.task.name if largest else ''}",
    )
    if submit.qos:
        partition = partition.model_copy(update={"qos": submit.qos})
    return Target(
        site=inputs.site,
        partition=partition,
        account=inputs.account,
        max_running=submit.max_running,
        mail_user=submit.mail_user,
        mail_type=submit.mail_type or (_MAILED if submit.mail_user else None),
    )
