"""The settings in ``chromplan.toml``: what to run, on which chromosomes, and where."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, model_validator

from planner.core import command, contigs, genomes, human, regions, shell, units
from planner.core import samples as sample_files
from planner.core.command import PLACEHOLDERS, REGION_PLACEHOLDERS
from planner.core.documents import Document, Option, parse_toml, read_text
from planner.core.errors import FieldError, InputError, near
from planner.core.modes import BatchPacker, Ordering
from planner.core.regions import Region, parse_bases
from planner.core.samples import Sample
from planner.core.user_scripts import Wrap

FILE = "chromplan.toml"
# the default time limit of a task
TIME = "24:00:00"
# those of 'man sbatch', Slurm 22.05 to 26.05
MAIL_TYPES = (
    *("NONE", "BEGIN", "END", "FAIL", "REQUEUE", "ALL", "INVALID_DEPEND", "STAGE_OUT"),
    *("TIME_LIMIT", "TIME_LIMIT_90", "TIME_LIMIT_80", "TIME_LIMIT_50", "ARRAY_TASKS"),
)


def _known_genome(name: str) -> str:
    # files are read later, when the project's folder is known
    if not contigs.is_file_name(name):
        try:
            genomes.find(name)
        except InputError as error:
            raise FieldError(error.message, error.hint) from None
    return name


def _known_chromosomes(text: str | None, info: ValidationInfo) -> str | None:
    named = info.data.get("genome", human.DEFAULT)
    if not contigs.is_file_name(named):
        try:
            genomes.find(named).chromosomes(text)
        except InputError as error:
            raise FieldError(error.message, error.hint) from None
    return text


def _bases(text: str) -> str:
    parse_bases(text)
    return text


def _ways_to_cut(value: str | list[str], info: ValidationInfo) -> str | list[str]:
    if value == []:
        raise FieldError("the list of regions is empty", regions.WAYS)
    if isinstance(value, list):
        return value
    if regions.parse_cm(value) is not None and info.data.get("map") is None:
        raise FieldError(
            f"windows of {value} need a genetic map", 'name it: map = "genetic_map.txt", or "chr{chromosome}.map"'
        )
    return regions.check(value)


def _duration(text: str) -> str:
    wanted = "write it as for sbatch: 04:00:00, 2-12:00:00, or 90 for minutes"
    try:
        seconds = units.parse_duration_s(text)
    except ValueError:
        raise FieldError(f"{text!r} is not a time limit", wanted) from None
    if seconds is None or not 0 < seconds < float("inf"):
        raise FieldError(f"{text!r} is not a time limit", wanted)
    return text


def _safe(text: str) -> str:
    if shell.safe_name(text) != text:
        raise FieldError(
            f"{text!r} cannot name jobs and files", "use letters, digits, '.', '_' and '-' alone, at most 55 of them"
        )
    return text


def _mail_type(text: str) -> str:
    words = [word.strip().upper() for word in text.split(",")]
    unknown = next((word for word in words if word not in MAIL_TYPES), None)
    if unknown is not None:
        meant = near(unknown, MAIL_TYPES)
        raise FieldError(
            f"{unknown!r} is not a mail type of sbatch", meant or "for example END,FAIL; all are in 'man sbatch'"
        )
    return ",".join(words)


SafeName = Annotated[str, AfterValidator(_safe)]


def _whole_mib(value: object) -> object:
    try:
        return units.whole_mib(value)
    except ValueError as error:
        raise FieldError(str(error), 'write it as for sbatch, in quotes: "8G", "3500M"') from None


MiB = Annotated[int, BeforeValidator(_whole_mib), Field(ge=1)]


# what cpus = "auto" chooses from
_CPUS = (1, 2, 4, 8, 16)


def _cpus(value: object) -> object:
    wanted = 'write a number, a list such as [1, 2, 4], or "auto"'
    numbers = value if isinstance(value, list) else [value]
    if value == "auto":
        return value
    if not numbers or not all(isinstance(one, int) and not isinstance(one, bool) for one in numbers):
        raise FieldError(f'should be a valid integer, a list of them or "auto", not {value!r}', wanted)
    if min(numbers) < 1:
        raise FieldError(f"should be greater than or equal to 1, not {min(numbers)}", wanted)
    return sorted(set(numbers)) if isinstance(value, list) else value


class Pipeline(Document):
    """What runs."""

    name: SafeName
    """Names the jobs of this pipeline."""
    tool: SafeName
    """The tool whose memory model applies; pipelines that run the same tool share it."""
    command: str
    """Bash text with placeholders, run once per task."""
    genome: Annotated[str, AfterValidator(_known_genome)] = human.DEFAULT
    """A bundled genome, or a file with contigs and their lengths."""
    chromosomes: Annotated[str | None, AfterValidator(_known_chromosomes)] = None
    """Names, ranges and patterns; by default 1-22 of a human genome, all contigs of another."""
    shortest: Annotated[str, AfterValidator(_bases)] | None = None
    """Contigs shorter than this are left out: ``1Mb``."""
    map: str | None = None
    """A genetic map, or with ``{chromosome}`` one for each chromosome, see `planner.core.genetic_maps`."""
    regions: Annotated[str | list[str], AfterValidator(_ways_to_cut)] = regions.WHOLE
    """What a task runs on: whole chromosomes, windows of a length (``5Mb``, ``20cM`` of the map), the lines of a file,
    or these names."""
    overlap: Annotated[str, AfterValidator(_bases)] | None = None
    """How far ``{padded}`` reaches beyond a region on each side."""
    gaps: str | None = None
    """Gaps of the genome, outside which windows begin and end: a BED file, or an assembly such as ``GRCh38`` whose gaps
    and centromeres come with chromplan."""
    samples: list[str] | str = []
    """Sample names, or a table (CSV or TSV, first column: sample); empty for one run over a cohort."""
    cpus: Annotated[int | list[int] | Literal["auto"], BeforeValidator(_cpus)] = 1
    """CPUs of each task; a list, or ``auto`` for 1, 2, 4, 8 and 16: chosen per task, see `planner.plan.threads`."""
    time: Annotated[str, AfterValidator(_duration)] = TIME
    """Time limit of a task until its wall time can be predicted, and the ceiling after that."""

    @property
    def cpus_tried(self) -> tuple[int, ...]:
        """The numbers of CPUs that a task may have, ascending."""
        if self.cpus == "auto":
            return _CPUS
        return tuple(self.cpus) if isinstance(self.cpus, list) else (self.cpus,)

    @property
    def cuts(self) -> bool:
        """Whether tasks run on other regions than whole chromosomes."""
        return self.regions != regions.WHOLE


class Memory(Document):
    """How much to ask for."""

    level: Annotated[float, Field(gt=0.5, lt=1)] | None = None
    """Chance that a request is enough; by default, the request that wastes least, counting retries."""
    formula: str | None = None
    """The formula that plans start from: arithmetic (``400 + 22 * length_mb``, MiB), a file, or a bundled formula."""
    like: str | None = None
    """A tool whose history shows how this tool's tasks compare, used while its own history is short."""
    default_mb: MiB | None = None
    """Request of a pilot task when there is neither history nor formula; the site's share per core without it.
    MiB, or a size such as 16G."""
    pilot: Annotated[int, Field(ge=0)] = 3
    """Number of tasks, from small to large, that run first when nothing is known; 0 runs all at once."""
    max_attempts: Annotated[int, Field(ge=1)] = 4


class Submit(Document):
    """Where and how the tasks are submitted."""

    site: str = "local"
    """A site's name (``chromplan site list``) or a file."""
    partition: Option | None = None
    account: Option | None = None
    qos: Option | None = None
    mode: Literal["array", "tiers", "jobs", "packed", "het", "dynamic", "auto"] = "array"
    """How the plan becomes jobs; ``auto`` chooses by site and workload."""
    max_running: Annotated[int, Field(ge=1)] | None = None
    """Most tasks that run at once."""
    order: Ordering | None = None
    """How the order for ``max_running`` tasks at once is found; by default, by memory x time."""
    packer: BatchPacker = BatchPacker.AUTO
    """Modes packed and het: how tasks are divided among the allocations that they share."""
    nodes: Annotated[int, Field(ge=1)] = 1
    """Mode dynamic: most nodes in its allocation."""
    pool: bool = False
    """Mode dynamic: the tasks share the allocation's memory instead of having a limit each."""
    mail_user: Option | None = None
    """Whom Slurm sends mail about the jobs."""
    mail_type: Annotated[str, AfterValidator(_mail_type)] | None = None
    """When, as for ``sbatch``; by default ``END,FAIL`` if there is a ``mail_user``."""


class Then(Document):
    """A last step, such as ligate or concat: runs once all regions of a chromosome, or all regions, are done."""

    tool: SafeName
    """The tool whose memory model applies; its name ends the names of these tasks."""
    command: str
    """Bash text, run once per task; ``$CHROMPLAN_PARTS`` holds the names of the tasks that it joins, in order."""
    by: Literal["chromosome", "all"] = "chromosome"
    """Whether there is a task for each chromosome or one for all; of each sample."""
    cpus: Annotated[int, Field(ge=1)] = 1
    time: Annotated[str, AfterValidator(_duration)] = TIME
    features: dict[str, str | int | float] | None = None
    """What its memory is predicted from: the chromosome's length, or nothing for all, if it is left out."""
    memory: Memory = Memory()


_FEATURES: dict[str, str | int | float] = {"length_mb": "length"}


class Config(Document):
    """The whole of ``chromplan.toml``."""

    pipeline: Pipeline
    features: dict[str, str | int | float] = _FEATURES
    memory: Memory = Memory()
    submit: Submit = Submit()
    then: Then | None = None
    wrap: Wrap | None = None

    @model_validator(mode="before")
    @classmethod
    def _learn_from_cpus(cls, values: object) -> object:
        """Add the feature ``cpus`` where a task's number of CPUs is chosen."""
        pipeline = values.get("pipeline") if isinstance(values, dict) else None
        if not isinstance(values, dict) or not isinstance(pipeline, dict) or isinstance(pipeline.get("cpus", 1), int):
            return values
        features = values.get("features", dict(_FEATURES))
        if not isinstance(features, dict) or "cpus" in features or "cpus" in features.values():
            return values
        return {**values, "features": {**features, "cpus": "cpus"}}


def load(path: Path) -> Config:
    """Read and check ``chromplan.toml``.

    Raises
    ------
    InputError
        For malformed TOML or a wrong value; names the file and the line or field.
    """
    config = parse_toml(read_text(path, hint="'chromplan init' writes one"), Config, path=path)
    command_text(config, samples(config, path.parent), path=path)
    return config


def samples(config: Config, folder: Path) -> list[Sample]:
    """Return the samples; a single one without a name for a cohort.

    Raises
    ------
    InputError
        When the table cannot be read, a name is missing, or a name is listed twice.
    """
    if config.wrap:
        return _element_samples(config.wrap)
    named = config.pipeline.samples
    if isinstance(named, str):
        reserved = {*PLACEHOLDERS, *(REGION_PLACEHOLDERS if config.pipeline.cuts else ())}
        return sample_files.read(folder / Path(named).expanduser(), reserved=reserved)
    return sample_files.listed(named, where=f"{folder / FILE}: pipeline.samples")


def _element_samples(wrap: Wrap) -> list[Sample]:
    """Return an array's elements as samples; an element's line of a list, its fields and its region are columns."""
    cells = [re.split(r"[\s,]+", one.line.strip()) if one.line.strip() else [] for one in wrap.elements]
    most = max(len(one) for one in cells)
    found = []
    with_parts = any(one.span for one in wrap.elements)
    for one, parts in zip(wrap.elements, cells, strict=True):
        columns = {**wrap.parameters, "index": str(one.index)}
        if with_parts:
            columns["region"] = regions.part_name(one.chromosome, one.span) if one.span else one.chromosome
        if most:
            columns |= {"line": one.line} | {f"field{n + 1}": "".join(parts[n : n + 1]) for n in range(most)}
        found.append(Sample(name=one.sample, columns=columns, chromosome=one.chromosome, task=one.task, span=one.span))
    return found


def region_columns(config: Config, table: list[Sample]) -> dict[str, str]:
    """Return placeholder -> environment variable of the values that describe a task's region.

    For whole chromosomes, only those that the command uses; a column of the sample table takes precedence.
    """
    if config.wrap:
        return {}
    always = REGION_PLACEHOLDERS if config.pipeline.overlap else ("region", "start", "end")
    return {
        name: variable
        for name, variable in REGION_PLACEHOLDERS.items()
        if name not in table[0].columns
        and ((config.pipeline.cuts and name in always) or command.mentions(config.pipeline.command, [name]))
    }


def columns(config: Config, table: list[Sample]) -> dict[str, str]:
    """Return placeholder -> environment variable of values that differ between tasks, besides the standard ones."""
    return {name: command.variable(name) for name in table[0].columns} | region_columns(config, table)


def variables(config: Config, table: list[Sample]) -> dict[str, str]:
    """Return placeholder -> environment variable, the sample table's columns included."""
    return PLACEHOLDERS | columns(config, table)


def command_text(config: Config, table: list[Sample], *, path: Path) -> str:
    """Return the command as bash text whose placeholders are quoted variables.

    Raises
    ------
    InputError
        For an empty command, an unknown placeholder, or ``{sample}`` without samples.
    """
    known = variables(config, table)
    if table[0].name == "":
        known.pop("sample")
    try:
        return command.bash(config.pipeline.command, known)
    except FieldError as error:
        raise InputError(f"{path}: pipeline.command: {error.message}", error.hint) from None


def check_command(config: Config, table: list[Sample], cut: Sequence[Region], *, path: Path) -> None:
    """Raise an error for a command that would do the same in several tasks.

    Raises
    ------
    InputError
        When a placeholder is missing; names it.
    """
    if config.wrap:
        return
    try:
        command.check_tells_tasks_apart(
            config.pipeline.command,
            chromosomes=len({one.chromosome for one in cut}),
            regions=len(cut) if config.pipeline.cuts else 0,
            samples=len(table),
            columns=table[0].columns,
        )
    except FieldError as error:
        raise InputError(f"{path}: pipeline.command: {error.message}", error.hint) from None
