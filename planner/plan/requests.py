"""The request of each task and its reason: from formula and model, weighted by trust in each, or a default."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from planner.core import command, units
from planner.core.errors import InputError
from planner.core.indices import MOST_UPDATES
from planner.core.margins import PEAK_MARGIN
from planner.core.records import Observation, Outcome, Task
from planner.core.retry import DOUBLE, GROWTH, Retry
from planner.formula import formula as formulas
from planner.formula.prior import Prior
from planner.memory.model import MemoryModel, Prediction, safety
from planner.memory.sizing import LEAST_REQUEST_MB
from planner.plan import features
from planner.plan.inputs import Earlier, PlanInputs
from planner.plan.overheads import JOB_SCRIPT_MB, STEP_SHELLS_MB
from planner.plan.sizes import relative_sizes
from planner.site.file import LOCAL

# Slurm's time limits are minutes, and a backfill scheduler gains nothing from limits below this
SHORTEST_LIMIT_S = 600
# a request is at most this many times the largest peak that its prediction is based on; applies only after a pilot
REACH = 8
# sizes of many tasks are rounded up by at most this share: each distribution takes some milliseconds
_SIZE_STEP = 0.01


def known_needs(observations: Iterable[Observation]) -> dict[str, float]:
    """Return task name -> memory it needed when it last ran, MiB.

    A completed task needs at most the limit it had, however much of that it filled.
    """
    known: dict[str, float] = {}
    for one in sorted(observations, key=lambda one: one.submit_s):
        if one.peak_mb is None:
            continue
        wanted_mb = PEAK_MARGIN * one.peak_mb
        if one.outcome is Outcome.COMPLETED:
            known[one.task] = min(wanted_mb, one.limit_mb or math.inf)
        elif one.outcome is Outcome.OOM:
            known[one.task] = max(wanted_mb, known.get(one.task, 0.0))
    return known


@dataclass(frozen=True, kw_only=True, slots=True)
class SizedTask:
    """A task of the round with its request and the reason.

    Attributes
    ----------
    size : float
        Relative to the pipeline's largest task, see `planner.plan.sizes`.
    attempt : int
        Number of the attempt, from 1.
    beyond : bool
        Whether the prediction went beyond what its observations support; ``mem_mb`` is capped to what they do.
    script_mb : int
        The part of ``mem_mb`` that is for the script of a job around the task, MiB.
    """

    task: Task
    size: float
    attempt: int = 1
    beyond: bool = False
    mem_mb: int
    predicted_mb: float | None
    wall_s: float | None
    time_limit_s: int
    reason: str
    script_mb: int = 0

    def as_step(self) -> SizedTask:
        """Return the same task as a step of a job, around which there are only the shells that measure it."""
        script_mb = min(self.script_mb, STEP_SHELLS_MB)
        return replace(self, mem_mb=self.mem_mb - self.script_mb + script_mb, script_mb=script_mb)

    def explained(self) -> str:
        """Return the reason, and how much of the request is for the script."""
        return f"{self.reason}, {self.script_mb} MB for the script" if self.script_mb else self.reason


class TaskSizer:
    """Chooses requests: from a prior formula and the model, otherwise the first-round formula, otherwise a default."""

    def __init__(self, inputs: PlanInputs) -> None:
        config, site, model, prior = inputs.config, inputs.site, inputs.model, inputs.prior
        self._memory = config.memory
        self._pipeline = config.pipeline
        self._wrapped = config.wrap is not None
        takes_parts = not config.wrap and command.takes_regions(config.pipeline.command)
        self._or_cut = ", or cut it: 'chromplan plan --split auto'" if takes_parts else ", or split the task"
        self._known_mb = inputs.known_mb
        self._model = model if model is not None and model.fitted else None
        if self._model is not None and len(inputs.tasks) > MOST_UPDATES:  # they share updates, too
            self._model = self._model.coarse(_SIZE_STEP)
        self._predictions: dict[tuple[object, ...], Prediction] = {}
        self._site = site
        # even a formula that observations contradict is better than nothing
        self._prior = prior if prior is not None and (prior.asked or self._model is None) else None
        self._let_go = prior.missed if prior is not None and self._prior is None else ""
        bare = config.memory.formula if prior is None else None
        self._formula = formulas.parse(bare) if bare else None
        self._first_limit_s = int(units.parse_duration_s(config.pipeline.time) or 0)
        self._partition = config.submit.partition
        named = [site.partition(self._partition)] if self._partition else site.partitions
        self._longest_s = max(partition.max_time_s for partition in named)
        # accounting of a user's script includes its shells
        self._script_mb = 0 if site.name == LOCAL or config.wrap else JOB_SCRIPT_MB
        self._largest_mb = max((one.largest_mb for one in (self._model, self._prior) if one), default=math.inf)
        self._reach_mb = max(REACH * self._largest_mb, LEAST_REQUEST_MB)
        self.cap_mb = site.cap_mb(self._partition)
        self.sizes = relative_sizes(inputs.tasks, features.measured(config.features))

    @property
    def blind(self) -> bool:
        """Whether nothing at all is known of the tool's memory."""
        return self._model is None and self._formula is None and self._prior is None

    @property
    def retry(self) -> Retry:
        """How a task's request grows after each kill."""
        return self._model.retry() if self._model else DOUBLE

    def size(self, task: Task, before: Earlier | None) -> SizedTask:
        """Return a task's request; a kill of any attempt for memory, or a timeout of the last one, raises it.

        Raises
        ------
        InputError
            When the task is predicted, or configured, to need more than the largest node offers.
        """
        killed_mb = before.killed_mb if before else 0
        floor_mb = math.ceil(self.retry.after(killed_mb, before.held_mb)) if before and killed_mb else 0
        sized = self._as_before(self._held(self._first(task, floor_mb), floor_mb))
        if sized.predicted_mb is not None and sized.predicted_mb > self.cap_mb:
            raise InputError(
                f"task {task.name} needs about {sized.predicted_mb:.0f} MB; "
                f"the largest node of site {self._site.name} offers {self.cap_mb} MB",
                "choose a site or partition with larger nodes" + self._or_cut,
            )
        reason = f"{_killed(before)}; {sized.reason}" if before and killed_mb else sized.reason
        if sized.mem_mb > self.cap_mb:
            reason += ", cut to the largest node"
        limit_s = self._time_limit(sized.time_limit_s, before)
        if before and before.outcome is Outcome.TIMEOUT:
            had, gets = (units.format_duration(one) for one in (before.time_limit_s, limit_s))
            reason = f"timed out after {had}, now gets {gets}; {reason}"
        return replace(
            sized,
            attempt=before.attempts + 1 if before else 1,
            mem_mb=min(sized.mem_mb, self.cap_mb),
            script_mb=sized.script_mb if sized.mem_mb <= self.cap_mb else 0,
            time_limit_s=limit_s,
            reason=reason,
        )

    def _as_before(self, sized: SizedTask) -> SizedTask:
        """Raise a request to the task's own known need."""
        known_mb = math.ceil(self._known_mb.get(sized.task.name, 0.0))
        if known_mb <= sized.mem_mb:
            return sized
        reason = f"{sized.reason}, raised to the {known_mb} MB that it needed before"
        return replace(sized, mem_mb=known_mb, script_mb=0, predicted_mb=known_mb / PEAK_MARGIN, reason=reason)

    def _held(self, sized: SizedTask, floor_mb: int) -> SizedTask:
        """Cap a request relative to the largest peak that its prediction is based on."""
        if sized.mem_mb - sized.script_mb <= max(self._reach_mb, floor_mb):
            return sized
        reason = f"{sized.reason}; limited to {REACH} x {self._largest_mb:.0f} MB, the largest peak it is based on"
        return replace(
            sized,
            mem_mb=max(math.floor(self._reach_mb), floor_mb),
            script_mb=0,
            predicted_mb=None if sized.predicted_mb is None else min(sized.predicted_mb, self._reach_mb),
            reason=reason,
            beyond=True,
        )

    def _first(self, task: Task, floor_mb: int) -> SizedTask:
        if self._prior is not None:
            return self._from_prior(self._prior, task, floor_mb)
        if self._model is not None:
            return self._from_model(self._model, task, floor_mb)
        if self._formula is not None:
            value_mb = self._formula.evaluate(task.features)
            if not 0 < value_mb < math.inf:
                raise InputError(
                    f"task {task.name}: memory.formula gives {value_mb:g} MB", "correct the formula in chromplan.toml"
                )
            return self._unlearnt(task, max(floor_mb, math.ceil(value_mb)), "the formula of chromplan.toml", value_mb)
        default_mb, source = self._default(task.cpus)
        if default_mb > self.cap_mb:
            raise InputError(
                f"task {task.name} needs {default_mb} MB ({source}); "
                f"the largest node of site {self._site.name} offers {self.cap_mb} MB",
                "ask for less, or choose a site or partition with larger nodes",
            )
        return self._unlearnt(task, max(floor_mb, default_mb), f"no history, {source}")

    def _predict(self, model: MemoryModel, task: Task, **bounds: int) -> Prediction:
        """Return the model's prediction, cached: many samples have the same features on a chromosome."""
        key = (*sorted(task.features.items()), *bounds.items())
        if key not in self._predictions:
            self._predictions[key] = model.predict(task.features, level=self._memory.level, **bounds)
        return self._predictions[key]

    def _from_model(self, model: MemoryModel, task: Task, floor_mb: int) -> SizedTask:
        found = self._predict(model, task, floor_mb=floor_mb, cap_mb=self.cap_mb)
        # the floor is a request, which already includes the script's share
        script_mb = self._script_mb if found.request_mb > floor_mb else 0
        return SizedTask(
            task=task,
            size=self.sizes[task.name],
            mem_mb=found.request_mb + script_mb,
            predicted_mb=found.point_mb,
            wall_s=found.wall_s,
            time_limit_s=self._limit_s(found),
            reason="; ".join(filter(None, (found.reason, self._let_go))),
            script_mb=script_mb,
        )

    def _from_prior(self, prior: Prior, task: Task, floor_mb: int) -> SizedTask:
        level = self._memory.level
        point_mb, upper_mb = prior.request(task.features, level)
        found = None if self._model is None else self._predict(self._model, task)
        if found is not None:
            point_mb, upper_mb = prior.blend(point_mb, found.point_mb), prior.blend(upper_mb, found.request_mb)
        request_mb = formulas.request_mb(upper_mb)
        reason = f"predicted {point_mb:.0f} MB + {safety(point_mb, request_mb)}, {prior.counted()}"
        if outside := prior.formula.outside(task.features):
            reason += f"; {', '.join(outside)}"
        if request_mb <= floor_mb:
            reason += f", raised to the {floor_mb} MB it is known to need"
        script_mb = self._script_mb if request_mb > floor_mb else 0
        return SizedTask(
            task=task,
            size=self.sizes[task.name],
            mem_mb=max(request_mb, floor_mb) + script_mb,
            predicted_mb=point_mb,
            wall_s=None if found is None else found.wall_s,
            time_limit_s=self._limit_s(found),
            reason=reason,
            script_mb=script_mb,
        )

    def _limit_s(self, found: Prediction | None) -> int:
        if found is None or found.time_limit_s is None:
            return self._first_limit_s
        return max(found.time_limit_s, min(SHORTEST_LIMIT_S, self._first_limit_s))

    def _unlearnt(self, task: Task, mem_mb: int, source: str, predicted_mb: float | None = None) -> SizedTask:
        return SizedTask(
            task=task,
            size=self.sizes[task.name],
            mem_mb=mem_mb,
            predicted_mb=predicted_mb,
            wall_s=None,
            time_limit_s=self._first_limit_s,
            reason=f"first round: {source}",
        )

    def _default(self, cpus: int) -> tuple[int, str]:
        if self._memory.default_mb is not None:
            return self._memory.default_mb, "the script's own --mem" if self._wrapped else "memory.default_mb"
        per_core_mb = self._site.mem_per_core_mb(self._partition)
        return per_core_mb * cpus, f"{self._site.name} has {per_core_mb} MB per core"

    def _time_limit(self, limit_s: int, before: Earlier | None) -> int:
        if before is not None and before.outcome is Outcome.TIMEOUT:
            limit_s = max(limit_s, GROWTH * before.time_limit_s, SHORTEST_LIMIT_S)
        return int(min(limit_s, self._longest_s))


def _killed(before: Earlier) -> str:
    above = f", holding {before.held_mb:.0f}" if before.held_mb > before.killed_mb else ""
    return f"killed for memory at {before.killed_mb} MB{above}"
