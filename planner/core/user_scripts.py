"""The user's own batch scripts in a project: the section ``[wrap]`` of ``chromplan.toml``."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from planner.core import human, indices
from planner.core.documents import Document, FileName, SystemText, Text
from planner.core.errors import FieldError, InputError


def _known_chromosome_or_none(text: str, info: ValidationInfo) -> str:
    try:
        if text and info.data.get("start") is None:
            human.parse_chromosomes(text)
    except InputError as error:
        raise FieldError(error.message, error.hint) from None
    return text


def _not_before_start(end: int | None, info: ValidationInfo) -> int | None:
    start = info.data.get("start")
    if end is not None and (start is None or end < start):
        raise FieldError(
            f"{end} ends a part that begins at {start}", "the first and the last base of a part, from 1 on"
        )
    return end


class UserScript(Document):
    """A batch script as its user handed it to sbatch: it goes there again as it is, with the plan's options on top."""

    folder: SystemText
    """Where it was submitted from; absolute."""
    script: SystemText = ""
    """As it was named, seen from there; empty when it came on standard input, or as ``--wrap``."""
    path: SystemText = ""
    """Where it lies."""
    content: str
    """The copy of what it held, seen from the project."""
    arguments: list[SystemText] = []
    words: list[SystemText] = []
    """sbatch options that were given with it."""
    environment: str = ""
    """The file with the variables it was submitted with, seen from the project."""
    job_name: SystemText
    array: str = ""
    """The indices as the user wrote them, without ``%K``; empty for a single job."""
    chdir: SystemText = ""
    """Where it runs, seen from ``folder``."""
    output: SystemText = ""
    """File name pattern of what it writes to standard output, as Slurm takes it."""
    error: SystemText = ""
    """The same of standard error; empty where that goes to the same file."""
    fixed_heap: bool = False
    """Whether it gives Java a heap whose size does not follow the job's memory."""
    cpus: Annotated[int, Field(ge=1)] = 1
    """Of one job, all its tasks together, as the user asks for them."""
    ntasks: Annotated[int, Field(ge=1)] = 1
    per_cpu: bool = False
    """Whether it asks for memory per CPU."""
    unasked_mb: Annotated[int, Field(ge=0)] = 0
    """What it is taken to get where it asks for no memory, or for all of a node's, MiB; 0 where it asks for some."""
    limited: bool = True
    """Whether it asks for a time limit; where it does not, the cluster's stays."""
    held: bool = False
    """Whether the user releases the job."""
    even: bool = False
    """Whether all elements ask for the same: elements that differ would wait for each other (singleton)."""
    acctg_freq: str = ""
    """Sampling intervals of what is not memory: ``energy=30``."""
    comment: SystemText = ""
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
    start: Annotated[int, Field(ge=1)] | None = None
    """First base of the part of the chromosome that it runs on; with ``end``, or neither."""
    end: Annotated[Annotated[int, Field(ge=1)] | None, AfterValidator(_not_before_start)] = None
    chromosome: Annotated[Text, AfterValidator(_known_chromosome_or_none)] = ""
    """Empty where the index stands for something else; a part may be one of any contig."""
    sample: Text = ""
    line: Text = ""
    """The line of the list that the script reads for this index, where one is known."""
    task: FileName

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last base, if it runs on a part of its chromosome."""
        return None if self.start is None or self.end is None else (self.start, self.end)


class Wrap(UserScript):
    """An existing batch script that runs as it is; ``chromplan wrap`` writes this section."""

    parameters: dict[str, SystemText] = {}
    """Exported variables and arguments, which features may name."""
    after: list[str] = []
    """Projects whose tasks go before those of the same chromosome and sample here."""
    by_index: list[str] = []
    """Of these, the ones whose tasks go before those of the same index, whatever they are called (``aftercorr``)."""
    elements: Annotated[list[Element], Field(min_length=1)]

    @property
    def user_script(self) -> UserScript:
        """What every job of the script says."""
        return UserScript(**{name: getattr(self, name) for name in UserScript.model_fields})
