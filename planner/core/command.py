"""A pipeline's command: bash with placeholders, and checks for mistakes in it."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from planner.core import shell
from planner.core.errors import FieldError, near

# placeholder -> environment variable, for every task; columns of a sample table are added
PLACEHOLDERS: dict[str, str] = {
    "task": "CHROMPLAN_TASK",
    "sample": "CHROMPLAN_SAMPLE",
    "chromosome": "CHROMPLAN_CHROMOSOME",
    "cpus": "CHROMPLAN_CPUS",
    "mem_mb": "CHROMPLAN_MEM_MB",
    "java_heap_mb": "CHROMPLAN_JAVA_HEAP_MB",
    "tmp": "CHROMPLAN_TMP",
}
# the same for tasks on regions; if tasks are whole chromosomes, a sample table's column may have such a name
REGION_PLACEHOLDERS: dict[str, str] = {
    name: f"CHROMPLAN_{name.upper()}" for name in ("region", "start", "end", "padded", "padded_start", "padded_end")
}
_ARRAY_INDEX = re.compile(r"SLURM_ARRAY_TASK_ID\b")
# not into a file of its own, which nobody reads here
_LOGS_HEAP = re.compile(r"(?<!\S)(?:-Xlog:gc[^\s:]*(?=\s|$|:std|::)|-verbose:gc(?=\s|$)|-XX:\+PrintGC)")
_PLACEHOLDER = re.compile(r"(?<![${])\{([A-Za-z_]\w*)\}(?!\})")


def variable(column: str) -> str:
    """Return the environment variable of a sample table's column."""
    return f"CHROMPLAN_{column.upper()}"


def bash(command: str, variables: Mapping[str, str]) -> str:
    """Return the command as bash text whose placeholders are quoted variables.

    Parameters
    ----------
    command : str
    variables : mapping of str to str
        Placeholder -> environment variable.

    Raises
    ------
    FieldError
        For an empty command or an unknown placeholder.
    """
    if not command.strip():
        raise FieldError("empty", "write the command that runs one chromosome")
    if "\r" in command:
        raise FieldError("Windows line ends", "convert the file: dos2unix chromplan.toml")
    unknown = [name for name in _PLACEHOLDER.findall(command) if name not in variables]
    if unknown:
        meant = near(unknown[0], variables)
        known = ", ".join(f"{{{name}}}" for name in variables)
        literal = f"a literal {{{unknown[0]}}} is written {{{{{unknown[0]}}}}}"
        if unknown[0] == "sample":
            literal = f'pipeline.samples lists them: samples = ["S1", "S2"]; {literal}'
        raise FieldError(f"unknown placeholder {{{unknown[0]}}}", f"{meant} known: {known}; {literal}".strip())
    try:
        return shell.bash_command(command.strip("\n"), variables)
    except ValueError as error:
        raise FieldError(
            str(error), "write $CHROMPLAN_CHROMOSOME, $CHROMPLAN_SAMPLE … there, which bash fills in"
        ) from None


def heap_follows_request(command: str) -> bool:
    """Whether a command derives the size of its Java heap from the memory request."""
    return mentions(command, ["java_heap_mb"])


def logs_its_heap(command: str) -> bool:
    """Whether a command has Java say what its garbage collections leave, in a heap that follows the request."""
    return heap_follows_request(command) and _LOGS_HEAP.search(command) is not None


def takes_regions(command: str) -> bool:
    """Whether a command takes a part of a chromosome: its name, or both its ends."""
    ends = mentions(command, ["start", "padded_start"]) and mentions(command, ["end", "padded_end"])
    return ends or mentions(command, ["region", "padded"])


def check_tells_tasks_apart(
    command: str, *, chromosomes: int, samples: int, columns: Collection[str], regions: int = 0
) -> None:
    """Raise an error for a command that would do the same in several tasks.

    Parameters
    ----------
    command : str
        As written, with placeholders.
    chromosomes, samples : int
        Their numbers.
    regions : int
        Their number, if they are not whole chromosomes; otherwise 0.
    columns : collection of str
        Columns of the sample table.

    Raises
    ------
    FieldError
        When a placeholder is missing; the message names it.
    """
    if _ARRAY_INDEX.search(command):
        raise FieldError(
            "SLURM_ARRAY_TASK_ID is Slurm's number of a job, not a chromosome's",
            "write {chromosome} in its place; 'chromplan sbatch SCRIPT' takes array scripts as they are",
        )
    if mentions(command, ["task"]):
        return
    if regions > 1 and not mentions(command, REGION_PLACEHOLDERS):
        raise _missing("region", regions)
    names_region = mentions(command, ["region", "padded"])
    if chromosomes > 1 and not names_region and not mentions(command, ["chromosome"]):
        raise _missing("chromosome", chromosomes)
    if samples > 1 and not mentions(command, ["sample", *columns]):
        raise _missing("sample", samples)


def mentions(command: str, names: Collection[str]) -> bool:
    """Whether a command has one of these placeholders, or uses its environment variable directly."""
    variables = [PLACEHOLDERS.get(name) or variable(name) for name in names]
    return not set(names).isdisjoint(_PLACEHOLDER.findall(command)) or any(
        re.search(rf"\b{one}\b", command) for one in variables
    )


def _missing(name: str, number: int) -> FieldError:
    return FieldError(
        f"{{{name}}} is missing: all {number} {name}s would run the same",
        f"write {{{name}}} where its name goes; where a script reads {variable(name)} by itself: "
        f"{variable(name)}={{{name}}} ./script.sh",
    )
