"""Requests for other engines: rules made from plans or from a history, and the files that the engines read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from planner.actions import opening, planning
from planner.core.errors import InputError
from planner.export.rules import Ceiling, Rule, bare, of_history, of_plan

if TYPE_CHECKING:
    from planner.core.records import Observation
    from planner.history.store import Counts
    from planner.plan.document import Plan


@dataclass(frozen=True, kw_only=True, slots=True)
class Exporting:
    """What is exported, and with what on top.

    Attributes
    ----------
    folder : Path
        The project's.
    sources : sequence of str
        ``plan.json`` files and folders of projects, each with ``RULE=`` before it where the rule is called otherwise.
    tools : sequence of str
        Whose history is exported instead; where neither is named, the project's plan, or all tools without a project.
    site : str or None
        The cluster that a history's requests are held to.
    overhead_mb : int
        What the engine itself holds in each job, MiB.
    workflow : str
        What WDL's inputs begin with.
    """

    folder: Path
    sources: Sequence[str] = ()
    tools: Sequence[str] = ()
    site: str | None = None
    overhead_mb: int = 0
    workflow: str = "main"


def export(wanted: Exporting, target: str) -> tuple[list[Rule], dict[str, str], list[str]]:
    """Return the rules that are exported, the files that tell an engine of them, and what was left out and why.

    Parameters
    ----------
    target : str
        One of `planner.export.targets.TARGETS`.
    """
    from planner.export import targets

    found, notes = rules(wanted)
    return found, targets.write([replace(rule, workflow=wanted.workflow) for rule in found], target), notes


def record(folder: Path, sources: Sequence[str]) -> Counts:
    """Record what an engine's last run used, before what it has taught is exported.

    Parameters
    ----------
    sources : sequence of str
        Files that `planner.history.readers` recognises; one with wildcards, as
        ``benchmarks/{rule}/chr{chromosome}.tsv``, stands for all of Snakemake's benchmark files that match it.

    Raises
    ------
    InputError
        When no file matches, or one cannot be used; what the sources before it hold is recorded then.
    """
    from planner.history.importing import import_files
    from planner.history.readers import ReadOptions, snakemake
    from planner.history.store import Counts

    project = opening.open_project(folder)
    lengths_bp = opening.genome_lengths(project, None)
    total = Counts()
    for source in sources:
        paths, options = [Path(source)], ReadOptions()
        if snakemake.is_path_pattern(source) and not Path(source).exists():
            paths, options = snakemake.matching(source), ReadOptions(path_pattern=snakemake.path_pattern(source))
        if not paths:
            raise InputError(
                f"no file matches {source}", "each {wildcard} stands for a part of a file's or a folder's name"
            )
        total += import_files(project.store_path, paths, options, lengths_bp=lengths_bp)[1]
    return total


def rules(wanted: Exporting) -> tuple[list[Rule], list[str]]:
    """Return the rules that are exported, and what a person should know of how they were found.

    Raises
    ------
    InputError
        For a plan or project that cannot be used, or a history that nothing can be learnt from.
    """
    if wanted.sources and wanted.tools:
        raise InputError("plans and --tool cannot be combined", "export the plans, or the tools' history")
    project = opening.open_project(wanted.folder)
    sources = wanted.sources or ([str(wanted.folder)] if project.config_path.exists() and not wanted.tools else ())
    if sources:
        plans = [_named(source) for source in sources]
        if wanted.site is not None:
            raise InputError("--site does not apply to plans", "each plan names its own site; leave it out")
        found = [of_plan(_plan(path), name=name, overhead_mb=wanted.overhead_mb) for name, path in plans]
        return [replace(one, contigs=_contigs(path)) for one, (_, path) in zip(found, plans, strict=True)], []
    return _learnt(wanted, opening.recorded(project))


def _named(source: str) -> tuple[str | None, Path]:
    """Return the name that ``RULE=PATH`` gives, and the path."""
    name, mark, path = source.partition("=")
    if mark and not Path(source).exists():
        if not name.isidentifier():
            raise InputError(f"{source}: {name!r} is not the name of a rule", "write RULE=FOLDER: phase=projects/phase")
        return name, Path(path)
    return None, Path(source)


def _plan(path: Path) -> Plan:
    """Return the plan of a file, or of all tasks of a project, whatever became of them before."""
    from planner.plan import build
    from planner.plan.document import Plan

    if path.is_file() or (path.suffix == ".json" and not path.is_dir()):
        return Plan.load(path)
    inputs = planning.fetch(opening.open_project(path), again=True)
    # an engine runs all tasks at once: none wait for a pilot, or for a place in Slurm's queue
    memory = inputs.config.memory.model_copy(update={"pilot": 0})
    site = inputs.site.model_copy(update={"max_submit": None, "max_job_count": None})
    return build.plan(replace(inputs, config=inputs.config.model_copy(update={"memory": memory}), site=site), "jobs")


def _contigs(path: Path) -> dict[str, str]:
    """Return the contigs of a project's reference, by their names without ``chr``; nothing where it is not known.

    Parameters
    ----------
    path : Path
        The project, or one of its plans.
    """
    from planner.core import human
    from planner.project.folder import ProjectFolder
    from planner.project.regions import genome_of

    # a plan is PROJECT/rounds/r001/plan.json
    project = ProjectFolder(path if path.is_dir() else path.resolve().parent.parent.parent)
    if not project.config_path.exists():
        return {}
    try:
        genome = genome_of(project.config(), project.folder)
    except InputError:
        return {}
    if not genome.is_human:
        return {bare(contig): contig for contig in genome.lengths_bp}
    return dict(zip(human.CHROMOSOMES, human.CHROMOSOMES, strict=True)) if genome.name == "GRCh37" else {}


def _learnt(wanted: Exporting, observations: Iterable[Observation]) -> tuple[list[Rule], list[str]]:
    by_tool: dict[str, list[Observation]] = {}
    for one in observations:
        by_tool.setdefault(one.tool, []).append(one)
    unknown = next((tool for tool in wanted.tools if tool not in by_tool), None)
    if unknown is not None or not by_tool:
        raise InputError(
            f"nothing is recorded for {unknown}" if unknown else "there is no plan, and nothing is recorded",
            "'chromplan history import FILE…' reads what earlier jobs used; 'chromplan history show' lists it",
        )
    found: list[Rule] = []
    notes: list[str] = []
    for tool in wanted.tools or sorted(by_tool):
        try:
            found.append(_of_tool(tool, by_tool[tool], wanted))
        except InputError as error:
            notes.append(f"{tool}: {error.message}")
            if wanted.tools:
                raise
    if not found:
        raise InputError(f"nothing can be learnt about any tool: {'; '.join(notes)}", "record completed runs")
    return found, notes


def _of_tool(tool: str, rows: Sequence[Observation], wanted: Exporting) -> Rule:
    from planner.actions.fitting import feature_names, fit

    model = fit(rows, feature_names(None, tool, rows), tool=tool)
    return of_history(rows, model, ceiling=_ceiling(wanted), overhead_mb=wanted.overhead_mb)


def _ceiling(wanted: Exporting) -> Ceiling:
    if wanted.site is None:
        return Ceiling()
    from planner import site as sites

    site = sites.load_for(wanted.folder, wanted.site)
    return Ceiling(mem_mb=site.cap_mb(), time_s=max(partition.max_time_s for partition in site.partitions))
