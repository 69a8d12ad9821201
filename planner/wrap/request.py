"""Requests of a batch script: the options that the plan replaces, and others that it must know."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from planner.core import failures, indices, units
from planner.core.errors import InputError
from planner.scripts import patterns
from planner.wrap import options, words
from planner.wrap.options import Option

# as strtol() reads it
_NUMBER = re.compile(r"[ \t]*\+?[0-9]+")
_REFUSED = {
    "mem-per-gpu": "ask for --mem: it is what chromplan plans",
}
# options that chromplan sets itself, or carries out itself
_ITS_OWN = frozenset({"hold", "parsable", "quiet", "test-only", "verbose", "wait"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A batch script as it was submitted.

    Attributes
    ----------
    name : str
        The name as given; empty for a script on standard input, or given with ``--wrap``.
    text : bytes
        The whole script; empty with ``--wrap``.
    arguments : tuple of str
    """

    name: str
    text: bytes
    arguments: tuple[str, ...] = ()

    @property
    def label(self) -> Path:
        """The script's name in errors."""
        return Path(self.name or "standard input")


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A batch script, and its options.

    Attributes
    ----------
    array : Array or None
        None for a single job.
    mem_mb : int or None
        Memory of one element, MiB; None when the script leaves it to the cluster, 0 for all that a node has.
    time_s : float or None
        None when the script leaves it to the cluster.
    cpus : int
        Of one element, all its tasks together.
    per_cpu : bool
        Whether it asks for memory per CPU; then it finds SLURM_MEM_PER_CPU instead of SLURM_MEM_PER_NODE.
    output, error : str
        File name patterns, as written or sbatch's default; ``error`` is empty if both go to ``output``.
    given : tuple of Option
        Options given on the command line.
    chosen : mapping of str to Option
        The options in force, from all sources.
    """

    source: Source
    job_name: str
    array: indices.Array | None
    mem_mb: int | None
    per_cpu: bool
    time_s: float | None
    cpus: int
    ntasks: int
    output: str
    error: str
    given: tuple[Option, ...]
    chosen: Mapping[str, Option] = field(default_factory=dict)

    def value(self, name: str) -> str | None:
        """Return the value of an option; None when it is not set."""
        return _value(self.chosen, name)

    def says(self, name: str) -> bool:
        """Whether an option is set at all."""
        return name in self.chosen

    @property
    def nice(self) -> int:
        """The value of ``--nice``; the option without a value means 100."""
        if not self.says("nice"):
            return 0
        text = self.value("nice") or "100"
        try:
            return max(0, int(text))
        except ValueError:
            raise InputError(
                f"{self.chosen['nice'].where}: --nice={text} is not a number", "write --nice=100"
            ) from None

    @property
    def words(self) -> list[str]:
        """Sbatch's options of the command line, without those that chromplan sets or carries out itself."""
        return [str(option) for option in self.given if option.name not in _ITS_OWN]

    def script_in(self, folder: Path) -> Path | None:
        """Return where sbatch, called in a folder, finds the script; None for one that has no file."""
        return find_script(self.source.name, folder, self.given) if self.source.name else None


def open_source(
    words_left: Sequence[str], given: Sequence[Option], *, folder: Path, stdin: Callable[[], bytes]
) -> Source:
    """Return the script that a command line refers to: a file, standard input, or ``--wrap``.

    Raises
    ------
    InputError
        When the file cannot be read, or arguments follow ``--wrap``.
    """
    if any(option.name == "wrap" for option in given):
        if words_left:
            raise InputError("--wrap: script arguments are not permitted with it", "sbatch says so, too")
        return Source(name="", text=b"")
    if not words_left:
        return Source(name="", text=stdin())
    name, *arguments = words_left
    try:
        text = find_script(name, folder, given).read_bytes()
    except OSError as error:
        known = None if isinstance(error, FileNotFoundError) else failures.explained(error)
        hint = known.hint if known else "name the batch script"
        raise InputError(f"{name}: cannot be read: {error.strerror}", hint) from None
    return Source(name=name, text=text, arguments=tuple(arguments))


def find_script(name: str, folder: Path, given: Sequence[Option] = ()) -> Path:
    """Return the file that sbatch takes for a script's name.

    A name without a slash is looked up in the folder of ``--chdir``, on the PATH, and in the current folder.
    """
    if "/" not in name:
        chdir = _value(options.last(given), "chdir") or ""
        places = [folder / chdir, *(Path(place) for place in os.get_exec_path() if place)]
        for place in places:
            if (place / name).is_file():
                return folder / place / name
    return folder / name


def read(source: Source, given: Sequence[Option] = (), environment: Mapping[str, str] | None = None) -> Request:
    """Read the options of a batch script.

    As for sbatch, the command line overrides the environment (``SBATCH_*``), which overrides the script's ``#SBATCH``
    lines.

    Raises
    ------
    InputError
        For an option that sbatch would refuse or chromplan cannot plan; names file and line, variable or option.
    """
    path = source.label
    if source.text or not any(option.name == "wrap" for option in given):
        words.check(source.text, path)
    directives = words.directives(source.text, path)
    of_environment = options.from_environment(environment or {})
    every = [*_written(directives, path), *of_environment, *given]
    foreign = next((one for one in directives if one.is_foreign), None)
    if foreign and not any(option.name == "ignore-pbs" for option in every):
        raise InputError(
            f"{path}:{foreign.line}: a directive of another scheduler, which sbatch obeys as well",
            "write it as #SBATCH, take the line away, or give --ignore-pbs",
        )
    for option in every:
        if option.name in _REFUSED:
            raise InputError(f"{option.where}: --{option.name} cannot be planned", _REFUSED[option.name])
    return _request(source, tuple(given), _without_outranked(options.last(every), of_environment))


def _written(directives: Sequence[words.Directive], path: Path) -> list[Option]:
    """Return the options of a script's ``#SBATCH`` lines."""
    written: list[Option] = []
    for directive in directives:
        where = f"{path}:{directive.line}"
        if directive.words and directive.words[0] in ("hetjob", "packjob"):
            raise InputError(f"{where}: a heterogeneous job", "chromplan plans jobs on one node each")
        found, _ = options.read(directive.words, where=where)
        written += found
    return written


def _without_outranked(chosen: Mapping[str, Option], of_environment: Sequence[Option]) -> dict[str, Option]:
    """Drop a memory option of the environment if the script or command line uses another memory option."""
    ways = [chosen[name] for name in ("mem", "mem-per-cpu") if name in chosen]
    outranked = [way.name for way in ways if way in of_environment] if len(ways) > 1 else []
    return {name: option for name, option in chosen.items() if name not in outranked}


def _request(source: Source, given: tuple[Option, ...], chosen: Mapping[str, Option]) -> Request:
    ntasks = _ntasks(chosen)
    cpus = ntasks * (_number(chosen, "cpus-per-task") or 1)
    mem_mb, per_cpu = _memory(chosen, cpus)
    array = _array(chosen)
    default_name = "wrap" if "wrap" in chosen else "sbatch"
    return Request(
        source=source,
        job_name=_value(chosen, "job-name") or Path(source.name).name or default_name,
        array=array,
        mem_mb=mem_mb,
        per_cpu=per_cpu,
        time_s=_parsed(chosen, "time", units.parse_duration_s) or None,
        cpus=cpus,
        ntasks=ntasks,
        output=_value(chosen, "output") or (patterns.DEFAULT if array else patterns.DEFAULT_OF_ONE),
        error=_value(chosen, "error") or "",
        given=given,
        chosen=chosen,
    )


def _value(chosen: Mapping[str, Option], name: str) -> str | None:
    return chosen[name].value if name in chosen else None


def _parsed(chosen: Mapping[str, Option], name: str, parse: Callable[[str], float | None]) -> float | None:
    value = _value(chosen, name)
    if value is None:
        return None
    why = "it is empty"
    try:
        if value:
            return parse(value)
    except ValueError as error:
        why = str(error)
    raise InputError(f"{chosen[name].where}: --{name}: {why}", "write it as sbatch takes it")


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


def _array(chosen: Mapping[str, Option]) -> indices.Array | None:
    text = _value(chosen, "array")
    if not text:
        return None
    try:
        return indices.parse(text)
    except ValueError as error:
        raise InputError(f"{chosen['array'].where}: --array={text}: {error}", "for example --array=1-22") from None
