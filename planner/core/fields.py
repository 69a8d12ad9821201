"""Fields of ``chromplan.toml`` that are more than a text or a number: each type says what is wrong with a value."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from planner.core import contigs, genomes, human, regions, shell, units
from planner.core.errors import FieldError, InputError, near
from planner.core.regions import parse_bases

CPUS = (1, 2, 4, 8, 16)
"""What ``cpus = "auto"`` chooses from."""
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


def _whole_mib(value: object) -> object:
    try:
        return units.whole_mib(value)
    except ValueError as error:
        raise FieldError(str(error), 'write it as for sbatch, in quotes: "8G", "3500M"') from None


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


GenomeName = Annotated[str, AfterValidator(_known_genome)]
"""A bundled genome, or a file."""
Chromosomes = Annotated[str | None, AfterValidator(_known_chromosomes)]
"""Names, ranges and patterns; checked with the field ``genome`` before it."""
Bases = Annotated[str, AfterValidator(_bases)]
"""A length such as ``5Mb``."""
WaysToCut = Annotated[str | list[str], AfterValidator(_ways_to_cut)]
"""What tasks run on; windows in centimorgans need the field ``map`` before it."""
TimeLimit = Annotated[str, AfterValidator(_duration)]
"""As for sbatch."""
SafeName = Annotated[str, AfterValidator(_safe)]
"""Names jobs and files."""
MailTypes = Annotated[str, AfterValidator(_mail_type)]
"""Words of sbatch, in capitals, separated by commas."""
MiB = Annotated[int, BeforeValidator(_whole_mib), Field(ge=1)]
"""Memory, read from ``8G`` and the like, too."""
Cpus = Annotated[int | list[int] | Literal["auto"], BeforeValidator(_cpus)]
"""A number, or several to choose from."""
