"""The scheduling decision: which waiting tasks may start now, for the simulator, this machine and an allocation.

The policy ``chromplan`` is called at the start, at every completion and kill, and, where memory is watched, at peaks.
It learns memory as it goes, starts a task as soon as the tasks on its node together stay within the node's memory with
probability 1 - alpha, and takes tasks by memory x duration, largest first. There is no barrier.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from planner.core.retry import LEARNT_GROWTH
from planner.memory.linear import student_t_quantile
from planner.schedule.dynamic import paper
from planner.schedule.dynamic.belief import Belief, all_works
from planner.schedule.dynamic.load import NodeLoad
from planner.schedule.dynamic.online import TaskSum
from planner.schedule.dynamic.options import DynamicOptions, Policy
from planner.schedule.dynamic.state import Running, Sharing, Start, State, Work
from planner.schedule.listing import ROUNDING

# Where the largest task takes less than this share of a node, many share it: how careful limits are depends on cost.
_FEW_SHARE = 0.6
_COST_POWER = 2.5
_LEAST_ALPHA, _MOST_ALPHA = 1e-4, 0.3
_SMALL = 0.2  # share of a node below which a task is small
# A largest task of this share of a node would, in doubt, hold the node alone for its whole run: a small task started
# first (a scout) shows sooner whether it must. Above this share there is hardly room for a scout beside it.
_SCOUTED = (0.7, 0.8)
_FEW_PEAKS = 3  # fewer do not show whether memory follows a line


def decide(state: State, options: DynamicOptions | None = None) -> list[Start]:
    """Return the waiting tasks to start now, in the order to start them.

    Parameters
    ----------
    state : State
        Nodes, tasks waiting, running and done, and what was learnt from kills.
    options : DynamicOptions, optional

    Returns
    -------
    list of Start
        Empty when it is better to wait. Never empty when nothing runs and a task waits whose cores fit on a node.

    Notes
    -----
    With predictions or measured peaks memory is ``a + b x + e`` (`planner.schedule.dynamic.online`). A set may run when
    ``sum of means + t sqrt(variance of the sum) <= memory``; memory that is known counts as it is. A task alone on one
    of the largest nodes may always run. While nothing is known of a tool, its smallest tasks start first, each taken to
    need the share of a node that its size suggests.
    """
    options = options or DynamicOptions()
    if not state.waiting or _cores_are_taken(state):
        return []
    if options.policy is Policy.PAPER:
        return paper.decide(state, options.paper)
    return _Decision(state, options).starts()


def _cores_are_taken(state: State) -> bool:
    """Return whether no waiting task finds its cores on any node: then nothing need be learnt to decide."""
    fewest = min(task.work.cpus for task in state.waiting)
    taken: dict[str, int] = {}
    for run in state.running:
        taken[run.node] = taken.get(run.node, 0) + run.work.cpus
    return all(node.cores is not None and node.cores - taken.get(node.name, 0) < fewest for node in state.nodes)


class _Decision:
    """One decision: what tasks are believed to need, what each node holds, and which waiting tasks fit.

    All memory is in MiB. ``given`` are limits that are fixed beforehand; ``killed`` are tasks that were killed for
    memory under a limit of their own.
    """

    def __init__(self, state: State, options: DynamicOptions) -> None:
        self._state = state
        self._belief = Belief(state, options.assume)
        self._measured = bool(state.done) or any(run.peak_mb is not None for run in state.running)
        self._scout = options.scout
        self._limits = state.sharing is Sharing.LIMITS
        self._doubted = options.doubt_limits if self._limits else options.doubt
        alpha = self._alpha(options)
        self._alpha_now = alpha if self._measured else min(0.5, alpha * options.opening)
        self._careful = student_t_quantile(1 - alpha, self._belief.dof)
        self._bold = student_t_quantile(1 - self._alpha_now, self._belief.dof)
        self._largest_mb = largest = max(node.mem_mb for node in state.nodes)
        self._loads = {node.name: NodeLoad(node, largest=node.mem_mb >= largest) for node in state.nodes}
        self._given = {
            task.work.name: task.limit_mb for task in state.waiting if self._limits and task.limit_mb is not None
        }
        # with limits, a killed task needs more room than before, which smaller tasks would keep taking
        self._killed = {task.work.name for task in state.waiting if task.kills and self._limits}
        self._floor = {
            overflow.names[0]: overflow.mem_mb * LEARNT_GROWTH
            for overflow in state.overflows
            if len(overflow.names) == 1
        }
        if self._limits:
            works = list(all_works(state))
            share = max(map(self._belief.mean_mb, works)) / largest
            self._power = _COST_POWER * max(0.0, _FEW_SHARE - share)
            self._usual_cost = sum(map(self._cost, works)) / len(works) or 1.0
        for run in state.running:
            self._count_running(run)

    def _alpha(self, options: DynamicOptions) -> float:
        """Return the accepted probability of a kill once something has been measured."""
        if self._limits:
            return options.alpha_limits
        return options.alpha if self._belief.predicted else options.alpha_unpredicted

    def starts(self) -> list[Start]:
        """Return the tasks to start now, in order."""
        return list(self._scan(self._order()))

    def _order(self) -> list[Work]:
        """Return the waiting tasks in the order in which they are offered a place.

        Killed tasks first, then the others by `_turn`; last, smallest first, those of tools of which nothing is known.
        Held tasks are left out unless nothing runs.
        """
        idle = not self._state.running
        works = [task.work for task in self._state.waiting if idle or not task.held]
        blind = [work for work in works if work.name not in self._given and self._belief.blind(work)]
        blind.sort(key=lambda work: work.size)
        unseen = {work.name for work in blind}
        seen = [work for work in works if work.name not in unseen]
        seen.sort(key=lambda work: (work.name not in self._killed, *self._turn(work)))
        if seen and idle and not self._measured and not self._state.watched and not self._given:
            seen = self._scout_first(seen)
        return seen + blind

    def _turn(self, work: Work) -> tuple[bool, float]:
        """Return the sort key of a task: the largest first.

        With limits, tasks of a tool of which hardly anything is known come last, the smallest first: a limit set
        generously in doubt is theirs until they end.
        """
        little = work.predicted_mb is None and self._belief.peaks(work) < _FEW_PEAKS
        doubted = self._limits and work.name not in self._given and (little or self._doubt(work) > 1)
        return doubted, self._cost(work) if doubted else -self._cost(work)

    def _cost(self, work: Work) -> float:
        """Return the memory x duration that a task is expected to take."""
        return self._given.get(work.name, self._belief.mean_mb(work)) * self._belief.duration_s(work)

    def _scout_first(self, works: list[Work]) -> list[Work]:
        """Move the smallest task to the front, if its early peak is worth the place it takes (see `DynamicOptions`)."""
        smallest = min(works, key=self._belief.mean_mb)
        largest = max(works, key=self._belief.mean_mb)
        share = self._belief.mean_mb(largest) / self._largest_mb
        alone = share * self._doubt(largest) > 1 and not _SCOUTED[0] <= share <= _SCOUTED[1]
        little = self._belief.mean_mb(smallest) < self._scout * self._largest_mb or self._doubt(smallest) > 1
        if alone or not little:
            # the largest task may always run alone, and fills more of the node than others would beside a scout
            return works
        return [smallest, *(work for work in works if work is not smallest)]

    def _scan(self, works: Sequence[Work]) -> Iterator[Start]:
        """Yield a start for each task in turn that finds a place, until no room is left even for the smallest.

        A killed task that finds no place reserves one: what starts after it must end before it is expected to fit.
        """
        least_mb = min((self._given.get(work.name, self._belief.mean_mb(work)) for work in works), default=0.0)
        room_mb = self._room_mb()
        until_s = math.inf
        for work in works:
            if room_mb < least_mb:
                return
            if self._state.now_s + self._belief.duration_s(work) > until_s:
                continue
            start = self._limited(work) if self._limits else self._pooled(work)
            if start is not None:
                yield start
                room_mb = self._room_mb()
            elif work.name in self._killed:
                until_s = min(until_s, self._has_room_s(work))

    def _has_room_s(self, work: Work) -> float:
        """Return when a task is expected to find room on a node, should nothing else start; unknown is infinity."""
        if not all(self._belief.times(run.work) for run in self._state.running):
            return math.inf
        ends = sorted(
            (run.start_s + self._belief.duration_s(run.work), run.node, self._held_mb(run))
            for run in self._state.running
        )
        need_mb = min(self._limit_mb(work), self._largest_mb)
        room_mb = {name: load.node.mem_mb * (1 + ROUNDING) - load.mean_mb for name, load in self._loads.items()}
        for end_s, node, mem_mb in ends:
            room_mb[node] += mem_mb
            if room_mb[node] >= need_mb:
                return end_s
        return math.inf

    def _room_mb(self) -> float:
        """Return the largest free memory on any node."""
        return max(load.room_mb for load in self._loads.values())

    def _count_running(self, run: Running) -> None:
        """Take a running task's memory and cores off its node."""
        work, certain = run.work, self._limits and run.limit_mb is not None
        uncertain = None if certain or run.peak_mb is not None else (work.tool, self._belief.x(work))
        held = self._held_mb(run)
        self._loads[run.node].put(
            work.cpus, held, uncertain, doubted_mb=held * self._doubt(work) if uncertain else held
        )

    def _held_mb(self, run: Running) -> float:
        """Return the memory that a running task counts with: its limit, its peak, or what it is expected to need."""
        if self._limits and run.limit_mb is not None:
            return run.limit_mb
        return max(self._belief.mean_mb(run.work), run.seen_mb) if run.peak_mb is None else run.peak_mb

    def _pooled(self, work: Work) -> Start | None:
        """Start a task without a limit of its own, if a node has room for it with enough certainty."""
        mean = self._belief.mean_mb(work)
        uncertain = (work.tool, self._belief.x(work))
        load = self._tightest(work, mean, lambda candidate: self._admits(candidate, work, mean, *uncertain))
        if load is None:
            return None
        load.put(work.cpus, mean, uncertain, doubted_mb=mean * self._doubt(work))
        return Start(name=work.name, node=load.node.name)

    def _doubt(self, work: Work) -> float:
        """Return how many times its prediction a task may turn out to need."""
        return 1.0 if work.predicted_mb is None or work.tested or self._belief.peaks(work) else self._doubted

    def _limit_mb(self, work: Work) -> float:
        """Return the limit for a task: the given one, or a quantile of its memory, above any that failed."""
        if work.name in self._given:
            return self._given[work.name]
        x = self._belief.x(work)
        sd = math.sqrt(self._belief.variance(work.tool, TaskSum().and_one(x)))
        alpha = min(max(self._alpha_now * self._weight(work), _LEAST_ALPHA), _MOST_ALPHA)
        quantile = student_t_quantile(1 - alpha, self._belief.dof)
        mean = self._belief.mean_mb(work)
        return max(mean + quantile * sd, mean * self._doubt(work), self._floor.get(work.name, 0.0))

    def _weight(self, work: Work) -> float:
        """Return the factor on a task's accepted chance to exceed its limit.

        Safety costs most memory x time for tasks that are large and long, while a kill counts the same for all: the
        small ones therefore get more of it.
        """
        return (self._cost(work) / self._usual_cost) ** self._power if self._power else 1.0

    def _limited(self, work: Work) -> Start | None:
        """Start a task with a limit of its own, if a node has room for that."""
        limit = self._limit_mb(work)
        load = self._tightest(work, limit, lambda _: True)
        if load is None:
            return None
        limit = min(limit, load.node.mem_mb)
        load.put(work.cpus, limit, None)
        return Start(name=work.name, node=load.node.name, limit_mb=limit)

    def _quantile(self, mean_mb: float) -> float:
        """Return the quantile of Student's t for a set that a task of this expected memory joins."""
        return self._bold if mean_mb <= _SMALL * self._largest_mb else self._careful

    def _tightest(self, work: Work, mb: float, admits: Callable[[NodeLoad], bool]) -> NodeLoad | None:
        """Return the node that takes the task and has least room left then; None if there is none.

        Parameters
        ----------
        mb : float
            Memory counted for the task; a task alone on one of the largest nodes needs no room.
        admits : callable
            Whether a node with room for that much takes it.
        """
        best: NodeLoad | None = None
        best_room = math.inf
        for load in self._loads.values():
            room = load.node.mem_mb * (1 + ROUNDING) - load.mean_mb - mb
            if work.cpus > load.cores_left or room >= best_room:
                continue
            if (load.empty and load.largest) or (room >= 0 and admits(load)):
                best, best_room = load, room
        return best

    def _admits(self, load: NodeLoad, work: Work, mean_mb: float, tool: str, x: float) -> bool:
        """Whether a node's tasks and this one (of relative size ``x``) surely enough stay within its memory."""
        variance = self._belief.variance(tool, load.sums.get(tool, TaskSum()).and_one(x))
        for other, sums in load.sums.items():
            if other != tool:
                variance += self._belief.variance(other, sums)
        bound = load.mean_mb + mean_mb + self._quantile(mean_mb) * math.sqrt(max(variance, 0.0))
        doubted = load.doubted_mb + mean_mb * self._doubt(work)
        return max(bound, doubted) <= load.node.mem_mb * (1 + ROUNDING)
