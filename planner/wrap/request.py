"""What a batch script asks for: the options that the plan decides anew, and those that stay as they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from planner.core import units
from planner.core.errors import InputError
from planner.wrap import indices, options, patterns, words
from planner.wrap.options import Option

# the plan and its scripts say these themselves
_BY_THE_PLAN = """
account acctg-freq array chdir cpus-per-task dependency error ignore-pbs input job-name kill-on-invalid-dep mem
mem-per-cpu no-requeue open-mode output parsable partition qos quiet requeue time verbose
"""
# as strtol() reads it
_NUMBER = re.compile(r"[ \t]*\+?[0-9]+")
_REPLACED = frozenset(_BY_THE_PLAN.split())
_REFUSED = {
    "hold": "leave it out: 'chromplan wrap' submits nothing by itself",
    "mem-per-gpu": "ask for --mem: it is what chromplan plans",
    "test-only": "'chromplan wrap', then 'chromplan plan' and 'chromplan submit --dry-run' there",
    "wait": "'chromplan watch' waits: it ends when all jobs have ended",
    "wrap": "write the command into a script",
    "help": "'chromplan wrap --help', or 'sbatch --help'",
    "usage": "'chromplan wrap --help', or 'sbatch --help'",
    "version": "'chromplan --version'",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A batch script, and what it asks for.

    Attributes
    ----------
    text : bytes
        The whole script.
    mem_mb : int or None
        Memory of one element, MiB; None when the script leaves it to the cluster, 0 for all that a node has.
    time_s : float or None
        None when the script leaves it to the cluster.
    cpus : int
        Of one element, all its tasks together.
    cpus_given : bool
        Whether the script says ``--cpus-per-task``; otherwise it finds no SLURM_CPUS_PER_TASK.
    per_cpu : bool
        Whether it asks for memory per CPU; then it finds SLURM_MEM_PER_CPU instead of SLURM_MEM_PER_NODE.
    output, error, input : str
        Patterns, as written; empty when not given.
    kept : tuple of Option
        Everything that stays as it is.
    """

    path: Path
    text: bytes
    job_name: str
    array: indices.Array
    mem_mb: int | None
    per_cpu: bool
    time_s: float | None
    cpus: int
    ntasks: int
    cpus_given: bool
    partition: str | None
    account: str | None
    qos: str | None
    chdir: str | None
    output: str
    error: str
    input: str
    appends: bool
    dependency: str | None
    kept: tuple[Option, ...]


def read(path: Path, given: Sequence[Option] = ()) -> Request:
    """Read a batch script; what was given on the command line goes before what it says itself.

    Raises
    ------
    InputError
        Names file and line of what sbatch would refuse, or chromplan cannot plan.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}", "name the batch script") from None
    words.check(text, path)
    written: list[Option] = []
    for directive in words.directives(text, path):
        where = f"{path}:{directive.line}"
        if directive.words and directive.words[0] in ("hetjob", "packjob"):
            raise InputError(f"{where}: a heterogeneous job", "chromplan plans arrays of jobs on one node each")
        found, _ = options.read(directive.words, where=where)
        written += found
    every = [*written, *given]
    for option in every:
        if option.name in _REFUSED:
            raise InputError(f"{option.where}: --{option.name} cannot be planned", _REFUSED[option.name])
    return _request(path, text, options.last(every), every)


def _request(path: Path, text: bytes, chosen: Mapping[str, Option], every: Sequence[Option]) -> Request:
    ntasks = _ntasks(chosen)
    cpus = ntasks * (_number(chosen, "cpus-per-task") or 1)
    mem_mb, per_cpu = _memory(chosen, cpus)
    return Request(
        path=path,
        text=text,
        job_name=_value(chosen, "job-name") or path.name,
        array=_array(chosen, path),
        mem_mb=mem_mb,
        per_cpu=per_cpu,
        time_s=_parsed(chosen, "time", units.parse_duration_s) or None,
        cpus=cpus,
        ntasks=ntasks,
        cpus_given="cpus-per-task" in chosen,
        partition=_value(chosen, "partition"),
        account=_value(chosen, "account"),
        qos=_value(chosen, "qos"),
        chdir=_value(chosen, "chdir"),
        output=_value(chosen, "output") or patterns.DEFAULT,
        error=_value(chosen, "error") or "",
        input=_value(chosen, "input") or "",
        appends=(_value(chosen, "open-mode") or "")[:1].lower() == "a",
        dependency=_value(chosen, "dependency"),
        kept=tuple(option for option in every if option.name not in _REPLACED and chosen[option.name] is option),
    )


def _value(chosen: Mapping[str, Option], name: str) -> str | None:
    return chosen[name].value if name in chosen else None


def _parsed(chosen: Mapping[str, Option], name: str, parse: Callable[[str], float | None]) -> float | None:
    value = _value(chosen, name)
    if value is None:
        return None
    try:
        return parse(value)
    except ValueError as error:
        raise InputError(f"{chosen[name].where}: --{name}: {error}", "write it as sbatch takes it") from None


def _number(chosen: Mapping[str, Option], name: str) -> int | None:
    value = _value(chosen, name)
    if value is None:
        return None
    if _NUMBER.fullmatch(value) is None or int(value) == 0:
        raise InputError(f"{chosen[name].where}: --{name}={value} is not a number", "write a whole number above 0")
    return int(value)


def _ntasks(chosen: Mapping[str, Option]) -> int:
    if _value(chosen, "nodes") not in (None, "1", "1-1"):
        option = chosen["nodes"]
        raise InputError(f"{option.where}: {option}: more than one node", "chromplan plans tasks of one node each")
    return _number(chosen, "ntasks") or _number(chosen, "ntasks-per-node") or 1


def _memory(chosen: Mapping[str, Option], cpus: int) -> tuple[int | None, bool]:
    if "mem" in chosen and "mem-per-cpu" in chosen:
        where = chosen["mem-per-cpu"].where
        raise InputError(f"{where}: --mem and --mem-per-cpu are mutually exclusive", "keep one of them")
    name = "mem-per-cpu" if "mem-per-cpu" in chosen else "mem"
    asked_mb = _parsed(chosen, name, units.parse_request_mb)
    if asked_mb is None:
        return None, name == "mem-per-cpu"
    return round(asked_mb) * (cpus if name == "mem-per-cpu" else 1), name == "mem-per-cpu"


def _array(chosen: Mapping[str, Option], path: Path) -> indices.Array:
    if "array" not in chosen:
        raise InputError(
            f"{path}: no --array: it is one job, not one per chromosome",
            "write #SBATCH --array=1-22 into it, or give --array=1-22 before its name",
        )
    option = chosen["array"]
    try:
        return indices.parse(option.value or "")
    except ValueError as error:
        raise InputError(f"{option.where}: --array={option.value}: {error}", "for example --array=1-22") from None
