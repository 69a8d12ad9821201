"""Cutting a project's chromosomes into numbers of parts: regions, tasks, requests and plans of each way."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from planner.actions import planning
from planner.core import command, pipelines
from planner.core.config import Config
from planner.core.errors import InputError
from planner.core.records import Outcome, Task
from planner.core.regions import MOST_PARTS, SPLIT, WHOLE, Region
from planner.plan import build, task_list
from planner.plan.document import CutWay, Plan
from planner.plan.inputs import PlanInputs
from planner.plan.own_jobs import own_job
from planner.plan.placing import machine
from planner.plan.requests import SizedTask, TaskSizer
from planner.plan.splitting import PARTS, Aim, Divisible, Piece
from planner.project import split
from planner.project.folder import ProjectFolder
from planner.project.regions import cut_of, regions_of
from planner.report.savings import figures
from planner.site import Partition

_LEAST_PART_BP = 1000
# tasks that a search places at most; more only where fewer fit no node
_MOST_TASKS = 2000


@dataclass(frozen=True, kw_only=True, slots=True)
class CutPlan:
    """One way to cut: its regions, its plan (None where it is refused), and what that comes to."""

    way: CutWay
    regions: Sequence[Region] = ()
    plan: Plan | None = None

    def figure(self, aim: Aim) -> float:
        """Return what the aim looks at; infinite where that is not known."""
        billed_h = self.way.price.billed_h if self.way.price else None
        figure = self.way.makespan_s if aim is Aim.SOONEST else billed_h
        return math.inf if figure is None else figure


class Cutter:
    """Cuts the chromosomes of one project, and plans each way."""

    def __init__(
        self, project: ProjectFolder, inputs: PlanInputs, mode: str | None, submit: Mapping[str, str | None]
    ) -> None:
        self._project = project
        self._inputs = inputs
        self._mode, self._submit = mode, submit
        self._whole = whole_chromosomes(inputs.config, project)
        self._parts = split.into_parts(self._whole)
        self._samples = pipelines.samples(self._parts, project.folder)
        self._cut = cut_of(self._whole, project.folder)
        self._kept = self._begun()
        site = inputs.site
        self._limit = min(site.max_array_size - 1, site.most_queued or site.max_array_size)

    def plan(self, regions: Sequence[Region]) -> Plan:
        """Return the plan of what is left on these regions.

        Raises
        ------
        InputError
            When it is refused.
        """
        return planning.plan_from(self._inputs_of(regions), self._mode, self._submit)

    def alike(self, number: int) -> dict[str, int]:
        """Return the same number of parts for every chromosome."""
        return dict.fromkeys(self._cut.chromosomes, number)

    def _begun(self) -> dict[str, list[Region]]:
        """Return the chromosomes of which a task is done or in flight, with the regions they have."""
        earlier = self._inputs.earlier
        done = {
            task.chromosome
            for task in self._inputs.tasks
            if task.name in earlier and earlier[task.name].outcome in (None, Outcome.COMPLETED)
        }
        found: dict[str, list[Region]] = {}
        for region in regions_of(self._inputs.config, self._project.folder) if done else []:
            if region.chromosome in done:
                found.setdefault(region.chromosome, []).append(region)
        return found

    def _most_parts(self, chromosome: str) -> int:
        least_bp = max(_LEAST_PART_BP, 2 * self._cut.overlap_bp)
        return max(1, min(MOST_PARTS, self._cut.genome.lengths_bp[chromosome] // least_bp))

    def regions(self, parts: Mapping[str, int]) -> list[Region]:
        """Return the regions of these numbers of parts; chromosomes that have begun keep theirs."""
        return [region for name in self._cut.chromosomes for region in self._of(name, parts[name])]

    def _of(self, chromosome: str, number: int) -> list[Region]:
        number = min(number, self._most_parts(chromosome))
        return self._kept.get(chromosome) or self._cut.equal_parts(chromosome, number)

    def _inputs_of(self, regions: Sequence[Region]) -> PlanInputs:
        config = self._whole if all(one.is_whole for one in regions) else self._parts
        path = self._project.config_path
        pipelines.check_command(config, self._samples, regions, path=path)
        features = planning.task_features(self._project, config, self._samples, regions)
        return replace(
            self._inputs,
            config=config,
            tasks=task_list.tasks(config, self._samples, regions, features),
            command=pipelines.command_text(config, self._samples, path=path),
            columns=pipelines.columns(config, self._samples),
        )

    def candidate(self, name: str, regions: Sequence[Region]) -> CutPlan:
        """Return how one way comes out; a fixed number of parts is kept within the limits on tasks."""
        tasks = len(regions) * len(self._samples)
        if name.isdecimal() and tasks > self._limit:
            why = f"{tasks} tasks, more than site {self._inputs.site.name} takes at once"
            return CutPlan(way=CutWay(parts=name, refused=why))
        try:
            return planned(name, regions, self.plan(regions))
        except InputError as error:
            return CutPlan(way=CutWay(parts=name, refused=error.message))

    def sized(self) -> dict[str, dict[int, list[SizedTask]]]:
        """Return the sized tasks by chromosome and number of parts; without numbers of which a task fits no node."""
        found: dict[str, dict[int, list[SizedTask]]] = {name: {} for name in self._cut.chromosomes}
        for number in PARTS:
            # more tasks than the limits allow are looked at only where fewer do not fit
            few = number * len(self._samples) <= min(self._limit, _MOST_TASKS)
            wanted = {
                name: self._of(name, number)
                for name, known in found.items()
                if (few or not known) and (number <= self._most_parts(name) if name not in self._kept else number == 1)
            }
            if not wanted:
                continue
            inputs = self._inputs_of([region for regions in wanted.values() for region in regions])
            sizer = TaskSizer(inputs)
            if sizer.blind:
                raise InputError(
                    "nothing is known of this tool's memory yet, so no split can be chosen",
                    "run a pilot first: 'chromplan plan' (--split 4 cuts each chromosome into 4 without knowing)",
                )
            due: dict[str, list[Task]] = {name: [] for name in wanted}
            for task in build.due(inputs)[0]:
                due[task.chromosome].append(task)
            for name, tasks in due.items():
                fitting = self._fitting(sizer, tasks)
                if fitting is not None:
                    found[name][number] = fitting
        return found

    def _fitting(self, sizer: TaskSizer, tasks: Sequence[Task]) -> list[SizedTask] | None:
        """Return a chromosome's sized tasks; None when one is more than the largest node offers."""
        try:
            sized = [sizer.size(task, self._inputs.earlier.get(task.name)) for task in tasks]
        except InputError:
            return None
        return sized if all(one.mem_mb < sizer.cap_mb for one in sized) else None

    def partitions(self) -> list[Partition]:
        """Return the partitions that the tasks may go to."""
        site, named = self._inputs.site, self._inputs.config.submit.partition
        return [site.partition(named)] if named else [one for one in site.partitions if not one.opt_in]

    def divisible(self, sized: Mapping[str, Mapping[int, Sequence[SizedTask]]], at: Partition) -> Divisible | None:
        """Return the work as a partition would run it; None where a chromosome fits there in no number of parts."""
        pieces: dict[str, dict[int, tuple[Piece, ...]]] = {}
        for name, by_number in sized.items():
            found = {number: self._pieces(tasks, at) for number, tasks in by_number.items()}
            pieces[name] = {number: of for number, of in found.items() if of is not None}
            if not pieces[name]:
                return None
        tasks = sum(max(map(len, by_number.values())) for by_number in pieces.values())
        return Divisible(
            pieces=pieces,
            machine=machine(self._inputs.site, at, max_running=self._inputs.config.submit.max_running, tasks=tasks),
            most_tasks=min(self._limit, _MOST_TASKS),
            kept=frozenset(self._kept),
        )

    def _pieces(self, tasks: Sequence[SizedTask], at: Partition) -> tuple[Piece, ...] | None:
        site = self._inputs.site
        found = []
        for one in tasks:
            job = own_job(site, at, one)
            if not job.fits:
                return None
            mem_mb = one.mem_mb if site.mem_policy == "whole_node" else job.mem_mb
            wall_s = one.wall_s or 0.0
            found.append(Piece(mem_mb=mem_mb, cpus=job.cpus, wall_s=wall_s, limit_s=job.limit_s, price=job.billed_s))
        return tuple(found)

    def fits_nowhere(self, sized: Mapping[str, Mapping[int, Sequence[SizedTask]]]) -> InputError:
        """Return the error that names a chromosome which fits no node in parts, either."""
        site = self._inputs.site
        names = [name for name, by_number in sized.items() if not by_number] or list(sized)
        return InputError(
            f"chromosome {names[0]} fits no node of site {site.name} in any number of parts up to {PARTS[-1]}; "
            f"the largest offers {site.cap_mb(self._inputs.config.submit.partition)} MB",
            "does memory fall with the length of a region? [features] says what it is predicted from",
        )


def planned(name: str, regions: Sequence[Region], plan: Plan) -> CutPlan:
    """Return a way with its plan, and what that comes to."""
    found = figures(plan)
    way = CutWay(
        parts=name,
        tasks=len(plan.tasks),
        largest_mb=max((task.request_mb for task in plan.tasks), default=None),
        makespan_s=found.makespan_s,
        requested_gb_h=found.requested_gb_h,
        price=found.price,
    )
    return CutPlan(way=way, regions=regions, plan=plan)


def whole_chromosomes(config: Config, project: ProjectFolder) -> Config:
    """Return the pipeline as it is without a split.

    Raises
    ------
    InputError
        For one that cannot be cut.
    """
    where = f"{project.config_path}: pipeline"
    if config.wrap:
        raise InputError("a wrapped script's tasks are its own: they cannot be split", "write a chromplan.toml for it")
    if config.pipeline.regions not in (WHOLE, SPLIT):
        raise InputError(
            f"{where}.regions says already how chromosomes are cut", f'--split chooses where it is "{WHOLE}"'
        )
    if not command.takes_regions(config.pipeline.command):
        raise InputError(
            f"{where}.command takes no regions, so its tasks cannot be split",
            "write {region} where the region goes, or {start} and {end}",
        )
    return config.model_copy(update={"pipeline": config.pipeline.model_copy(update={"regions": WHOLE})})
