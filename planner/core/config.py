"""The settings in ``chromplan.toml``: what to run, on which chromosomes, and where."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from planner.core import human, regions
from planner.core.documents import Document, Option
from planner.core.fields import (
    CPUS,
    Bases,
    Chromosomes,
    Cpus,
    GenomeName,
    MailTypes,
    MiB,
    SafeName,
    TimeLimit,
    WaysToCut,
)
from planner.core.modes import BatchPacker, Ordering
from planner.core.user_scripts import Wrap

FILE = "chromplan.toml"
# the default time limit of a task
TIME = "24:00:00"


class Pipeline(Document):
    """What runs."""

    name: SafeName
    """Names the jobs of this pipeline."""
    tool: SafeName
    """The tool whose memory model applies; pipelines that run the same tool share it."""
    command: str
    """Bash text with placeholders, run once per task."""
    genome: GenomeName = human.DEFAULT
    """A bundled genome, or a file with contigs and their lengths."""
    chromosomes: Chromosomes = None
    """Names, ranges and patterns; by default 1-22 of a human genome, all contigs of another."""
    shortest: Bases | None = None
    """Contigs shorter than this are left out: ``1Mb``."""
    map: str | None = None
    """A genetic map, or with ``{chromosome}`` one for each chromosome, see `planner.core.genetic_maps`."""
    regions: WaysToCut = regions.WHOLE
    """What a task runs on: whole chromosomes, windows of a length (``5Mb``, ``20cM`` of the map), the lines of a file,
    or these names."""
    overlap: Bases | None = None
    """How far ``{padded}`` reaches beyond a region on each side."""
    gaps: str | None = None
    """Gaps of the genome, outside which windows begin and end: a BED file, or an assembly such as ``GRCh38`` whose gaps
    and centromeres come with chromplan."""
    samples: list[str] | str = []
    """Sample names, or a table (CSV or TSV, first column: sample); empty for one run over a cohort."""
    cpus: Cpus = 1
    """CPUs of each task; a list, or ``auto`` for 1, 2, 4, 8 and 16: chosen per task, see `planner.plan.threads`."""
    time: TimeLimit = TIME
    """Time limit of a task until its wall time can be predicted, and the ceiling after that."""

    @property
    def cpus_tried(self) -> tuple[int, ...]:
        """The numbers of CPUs that a task may have, ascending."""
        if self.cpus == "auto":
            return CPUS
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
    mail_type: MailTypes | None = None
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
    time: TimeLimit = TIME
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
