"""``chromplan.toml``: what to run, on which chromosomes, and where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from planner.core import command, genome, indices, shell, units
from planner.core import samples as sample_files
from planner.core.command import PLACEHOLDERS
from planner.core.documents import Document, FileName, Option, Text, parse_toml, read_text
from planner.core.errors import FieldError, InputError
from planner.core.samples import Sample

FILE = "chromplan.toml"


def _known_genome(name: str) -> str:
    try:
        genome.lengths(name)
    except InputError as error:
        raise FieldError(error.message, error.hint) from None
    return name


def _known_chromosomes(text: str) -> str:
    try:
        genome.parse_chromosomes(text)
    except InputError as error:
        raise FieldError(error.message, error.hint) from None
    return text


def _known_chromosome_or_none(text: str) -> str:
    return _known_chromosomes(text) if text else text


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


SafeName = Annotated[str, AfterValidator(_safe)]


def _whole_mib(value: object) -> object:
    try:
        return units.whole_mib(value)
    except ValueError as error:
        raise FieldError(str(error), 'write it as for sbatch, in quotes: "8G", "3500M"') from None


MiB = Annotated[int, BeforeValidator(_whole_mib), Field(ge=1)]


class Pipeline(Document):
    """What runs."""

    name: SafeName
    """Names the jobs of this pipeline."""
    tool: SafeName
    """The tool whose memory model applies; pipelines that run the same tool share it."""
    command: str
    """Bash text with placeholders, run once per task."""
    genome: Annotated[str, AfterValidator(_known_genome)] = genome.DEFAULT
    chromosomes: Annotated[str, AfterValidator(_known_chromosomes)] = "1-22"
    samples: list[str] | str = []
    """Sample names, or a table (CSV or TSV, first column: sample); none for one run over a cohort."""
    cpus: Annotated[int, Field(ge=1)] = 1
    time: Annotated[str, AfterValidator(_duration)] = "24:00:00"
    """Time limit of a task until its wall time can be predicted, and the ceiling after that."""


class Memory(Document):
    """How much to ask for."""

    level: Annotated[float, Field(gt=0.5, lt=1)] | None = None
    """Chance that a request is enough; without it, the request that wastes least, retries counted."""
    formula: str | None = None
    """What plans start from: MiB from the features (``400 + 22 * length_mb``), a formula file or a bundled formula."""
    like: str | None = None
    """A tool whose history says how this one's tasks compare, as long as its own is short."""
    default_mb: MiB | None = None
    """Request of a pilot task when there is neither history nor formula; the site's share per core without it.
    MiB, or a size such as 16G."""
    pilot: Annotated[int, Field(ge=0)] = 3
    """How many tasks, from small to large, go first when nothing is known; 0 sends all."""
    max_attempts: Annotated[int, Field(ge=1)] = 4


class Submit(Document):
    """Where and how the tasks are submitted."""

    site: str = "local"
    """A site's name (``chromplan site list``) or a file."""
    partition: Option | None = None
    account: Option | None = None
    qos: Option | None = None
    mode: Literal["array", "tiers", "jobs", "packed", "het", "dynamic", "auto"] = "array"
    """``auto``: chosen from site and workload."""
    max_running: Annotated[int, Field(ge=1)] | None = None
    """At most so many tasks at once."""
    nodes: Annotated[int, Field(ge=1)] = 1
    """Mode dynamic: at most so many nodes in its allocation."""
    pool: bool = False
    """Mode dynamic: the tasks share the allocation's memory instead of being held each to a limit of its own."""


class UserScript(Document):
    """A batch script as its user handed it to sbatch: it goes there again as it is, with the plan's options on top."""

    folder: str
    """Where it was submitted from; absolute."""
    script: str = ""
    """As it was named, seen from there; empty when it came on standard input, or as ``--wrap``."""
    path: str = ""
    """Where it lies."""
    content: str
    """The copy of what it held, seen from the project."""
    arguments: list[str] = []
    words: list[str] = []
    """sbatch options that were given with it."""
    environment: str = ""
    """The file with the variables it was submitted with, seen from the project."""
    job_name: str
    array: str = ""
    """The indices as the user wrote them, without ``%K``; empty for a single job."""
    chdir: str = ""
    """Where it runs, seen from ``folder``."""
    output: str = ""
    """File name pattern of what it writes to standard output, as Slurm takes it."""
    error: str = ""
    """The same of standard error; empty where that goes to the same file."""
    fixed_heap: bool = False
    """Whether it gives Java a heap whose size does not follow the job's memory."""
    cpus: Annotated[int, Field(ge=1)] = 1
    """Of one job, all its tasks together, as the user asks for them."""
    ntasks: Annotated[int, Field(ge=1)] = 1
    per_cpu: bool = False
    """Whether it asks for memory per CPU."""
    limited: bool = True
    """Whether it asks for a time limit; where it does not, the cluster's stays."""
    held: bool = False
    """Whether the user releases the job."""
    even: bool = False
    """Whether all elements ask for the same: elements that differ would wait for each other (singleton)."""
    acctg_freq: str = ""
    """Sampling intervals of what is not memory: ``energy=30``."""
    comment: str = ""
    nice: int = 0
    """How much it gives way by itself."""
    dependency: str = ""
    """What it waits for, as ``--dependency`` says it."""
    waits_for: str = ""
    """The same without the steps before it, which the plan follows task by task."""
    clusters: str | None = None

    @property
    def indices(self) -> list[int]:
        """The indices of the whole array."""
        return list(indices.parse(self.array).indices) if self.array else []


class Element(Document):
    """One index of an array script: a task."""

    index: Annotated[int, Field(ge=0)] = 0
    chromosome: Annotated[str, AfterValidator(_known_chromosome_or_none)] = ""
    """Empty where the index stands for something else."""
    sample: Text = ""
    line: Text = ""
    """The line of the list that the script reads for this index, where one is known."""
    task: FileName


class Wrap(UserScript):
    """An existing batch script that runs as it is; ``chromplan wrap`` writes this section."""

    parameters: dict[str, Text] = {}
    """Exported variables and arguments, which features may name."""
    after: list[str] = []
    """Projects whose tasks go before those of the same chromosome and sample here."""
    elements: Annotated[list[Element], Field(min_length=1)]

    @property
    def user_script(self) -> UserScript:
        """What every job of the script says."""
        return UserScript(**{name: getattr(self, name) for name in UserScript.model_fields})


class Config(Document):
    """The whole of ``chromplan.toml``."""

    pipeline: Pipeline
    features: dict[str, str | int | float] = {"length_mb": "length"}
    memory: Memory = Memory()
    submit: Submit = Submit()
    wrap: Wrap | None = None


def load(path: Path) -> Config:
    """Read and check ``chromplan.toml``.

    Raises
    ------
    InputError
        Names the file and the line (malformed TOML) or the field (wrong value).
    """
    config = parse_toml(read_text(path, hint="'chromplan init' writes one"), Config, path=path)
    command_text(config, samples(config, path.parent), path=path)
    return config


def samples(config: Config, folder: Path) -> list[Sample]:
    """Return the samples; one without a name for a cohort.

    Raises
    ------
    InputError
        When the table cannot be read, a name is missing, or a name is listed twice.
    """
    if config.wrap:
        return _element_samples(config.wrap)
    named = config.pipeline.samples
    if isinstance(named, str):
        return sample_files.read(folder / Path(named).expanduser(), reserved=PLACEHOLDERS)
    return sample_files.listed(named, where=f"{folder / FILE}: pipeline.samples")


def _element_samples(wrap: Wrap) -> list[Sample]:
    """Return an array's elements; the line of a list that one stands for is a column, as are the line's fields."""
    cells = [re.split(r"[\s,]+", one.line.strip()) if one.line.strip() else [] for one in wrap.elements]
    most = max(len(one) for one in cells)
    found = []
    for one, parts in zip(wrap.elements, cells, strict=True):
        columns = {**wrap.parameters, "index": str(one.index)}
        if most:
            columns |= {"line": one.line} | {f"field{n + 1}": "".join(parts[n : n + 1]) for n in range(most)}
        found.append(Sample(name=one.sample, columns=columns, chromosome=one.chromosome, task=one.task))
    return found


def variables(table: list[Sample]) -> dict[str, str]:
    """Return placeholder -> environment variable, the sample table's columns included."""
    return PLACEHOLDERS | {name: command.variable(name) for name in table[0].columns}


def command_text(config: Config, table: list[Sample], *, path: Path) -> str:
    """Return the command as bash text whose placeholders are quoted variables.

    Raises
    ------
    InputError
        For an empty command, an unknown placeholder, or a ``{sample}`` where there are no samples.
    """
    known = variables(table)
    if table[0].name == "":
        known.pop("sample")
    try:
        return command.bash(config.pipeline.command, known)
    except FieldError as error:
        raise InputError(f"{path}: pipeline.command: {error.message}", error.hint) from None


def check_command(config: Config, table: list[Sample], *, path: Path) -> None:
    """Refuse a command that would do the same in several tasks.

    Raises
    ------
    InputError
        Naming the placeholder that is missing.
    """
    if config.wrap:
        return
    try:
        command.check_tells_tasks_apart(
            config.pipeline.command,
            chromosomes=len(genome.parse_chromosomes(config.pipeline.chromosomes)),
            samples=len(table),
            columns=table[0].columns,
        )
    except FieldError as error:
        raise InputError(f"{path}: pipeline.command: {error.message}", error.hint) from None
