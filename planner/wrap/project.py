"""The project of a wrapped batch script: a ``chromplan.toml``, and a copy of the script as it was submitted."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import jinja2

from planner.core import files, human, shell, templates, toml, units
from planner.core.command import PLACEHOLDERS
from planner.core.config import FILE, Config
from planner.core.documents import in_utf8, parse_toml
from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.core.user_scripts import Element, UserScript
from planner.project.folder import ProjectFolder
from planner.scripts import patterns
from planner.site import Partition, Site
from planner.wrap.request import Request

# the file name of every script in Slurm's spool, which a script sees as its own
COPY = "slurm_script"
ENVIRONMENT = "environment"
# used if neither the script nor its partition sets a limit
_NO_LIMIT_S = 365 * 86400
_LONGEST_NAME = 55
_LONGEST_TEXT = 1000
_PLACEHOLDER = re.compile(r"(?<!\$)\{(\w+)\}")
_NOT_UTF8 = re.compile("[\udc80-\udcff]+")
_EXPORTED = re.compile(r"([A-Za-z_]\w*)(?:=(.*))?", re.DOTALL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Where and how a wrapped script is submitted.

    Attributes
    ----------
    folder : Path
        The one the script was submitted from; absolute.
    site_name : str
        A value of ``submit.site``.
    environment : mapping of str to str
        The environment in which the script was submitted.
    features : mapping of str to str
        Further features of its tasks, as in ``chromplan.toml``.
    after : tuple of str
        Projects of the earlier steps, relative to this one.
    by_index : tuple of str
        Those of them that are followed index by index.
    waits_for : str
        The rest of the script's ``--dependency``.
    tool : str
        The tool whose memory is learnt.
    """

    folder: Path
    site: Site
    site_name: str
    environment: Mapping[str, str] = field(default_factory=dict)
    features: Mapping[str, str] = field(default_factory=dict)
    mode: Mode = Mode.ARRAY
    genome: str = human.DEFAULT
    after: tuple[str, ...] = ()
    by_index: tuple[str, ...] = ()
    waits_for: str = ""
    tool: str


def name_of(request: Request) -> str:
    """Return the name of a wrapped script: its job name, and its arguments if it has any."""
    return _safe(".".join([request.job_name.removesuffix(".sh"), *request.source.arguments]))


def tool_of(request: Request, folder: Path) -> str:
    """Return the tool whose memory is learnt: this script under this job name, whatever its arguments.

    Scripts of one name in different folders are different tools; one on standard input is known by its folder.
    """
    where = request.script_in(folder) or folder
    label = request.job_name.removesuffix(".sh")
    return _safe(f"{shell.safe_name(label)}-{hashlib.sha256(os.fsencode(where.resolve())).hexdigest()[:6]}")


def write(project: ProjectFolder, request: Request, elements: Sequence[Element], setting: Setting) -> Config:
    """Write a wrapped script's project and return its configuration.

    The script's copy is put in a folder named after a hash of its content; only the owner can read the environment.

    Raises
    ------
    InputError
        When the script's partition is not one of the site's.
    """
    text = request.source.text or _of_wrap(request)
    copy = f"scripts/{hashlib.sha256(text).hexdigest()[:12]}/{COPY}"
    partition = _partition(request, setting.site)
    default_mb = _default_mb(request, setting.site, partition)
    script = _user_script(request, setting, copy, unasked_mb=0 if request.mem_mb else default_mb)
    environment = _environment(request)
    command = environment.get_template("wrap.sh.j2").render(
        request=request,
        copy=copy,
        folder=str(setting.folder),
        chdir=str(setting.folder / (request.value("chdir") or "")),
        arguments=request.source.arguments,
    )
    chromosomes = all(one.chromosome for one in elements)
    toml = environment.get_template("wrap.toml.j2").render(
        about=os.fsencode(request.source.label.name).decode(errors="replace"),
        name=name_of(request),
        tool=setting.tool,
        genome=setting.genome,
        cpus=request.cpus,
        time=units.format_duration(_time_s(request, setting.site, partition)),
        command=command,
        features={"length_mb": "length"} | dict(setting.features) if chromosomes else dict(setting.features),
        default_mb=default_mb,
        site=setting.site_name,
        partition=partition and partition.name,
        account=request.value("account"),
        qos=request.value("qos"),
        mode=setting.mode.value,
        max_running=request.array and request.array.throttle,
        script=script.model_dump(exclude_defaults=True),
        parameters={name: in_utf8(value) for name, value in parameters(request, setting.environment).items()},
        after=list(setting.after),
        by_index=list(setting.by_index),
        elements=[one.model_dump(exclude_defaults=True) | {"index": one.index} for one in elements],
    )
    config = parse_toml(toml, Config, path=project.config_path)
    files.write_bytes(project.folder / copy, text, executable=True)
    if setting.environment:
        pairs = (os.fsencode(f"{name}={value}") for name, value in setting.environment.items())
        _write_private(project.folder / ENVIRONMENT, b"\0".join(pairs))
    files.write_text(project.folder / FILE, toml)
    return config


def _user_script(request: Request, setting: Setting, copy: str, *, unasked_mb: int) -> UserScript:
    found = request.script_in(setting.folder)
    dependency = request.value("dependency") or ""
    asked = (request.value("acctg-freq") or "").split(",")
    return UserScript(
        folder=str(setting.folder),
        script=request.source.name,
        path=str(found) if found else "",
        content=copy,
        arguments=list(request.source.arguments),
        words=request.words,
        environment=ENVIRONMENT if setting.environment else "",
        job_name=request.job_name,
        array=request.array.text if request.array else "",
        chdir=request.value("chdir") or "",
        output=request.output,
        error=request.error,
        fixed_heap=_has_fixed_heap(request.source.text),
        cpus=request.cpus,
        ntasks=request.ntasks,
        per_cpu=request.per_cpu,
        unasked_mb=unasked_mb,
        limited=request.time_s is not None,
        held=request.says("hold"),
        even="singleton" in dependency,
        acctg_freq=",".join(one for one in asked if one and not one.isdecimal() and not one.startswith("task=")),
        comment=request.value("comment") or "",
        nice=request.nice,
        dependency=dependency,
        waits_for=setting.waits_for if setting.after else dependency,
        clusters=request.value("clusters"),
    )


def _has_fixed_heap(text: bytes) -> bool:
    """Whether a script sets Java's heap size itself: more memory does not help if that is too small."""
    return b"-Xmx" in text and b"SLURM_MEM_PER_" not in text


def _of_wrap(request: Request) -> bytes:
    """Return the script that sbatch makes of ``--wrap``."""
    command = request.value("wrap") or ""
    return f"#!/bin/sh\n# This script was created by sbatch --wrap.\n\n{command}\n".encode(errors="surrogateescape")


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(content)


def parameters(request: Request, environment: Mapping[str, str]) -> dict[str, str]:
    """Return a run's parameters: the script's arguments as ``arg1`` …, and the variables that ``--export`` names."""
    found = {f"arg{n}": value for n, value in enumerate(request.source.arguments, start=1)}
    for term in (request.value("export") or "").split(","):
        match = _EXPORTED.fullmatch(term.strip())
        if match is None or match[1] in ("ALL", "NONE", "NIL"):
            continue
        found[match[1]] = environment.get(match[1], "") if match[2] is None else match[2].strip("'\"")
    taken = {*PLACEHOLDERS, "index", "line"}
    return {name: value for name, value in found.items() if name not in taken and len(value) <= _LONGEST_TEXT}


def _default_mb(request: Request, site: Site, partition: Partition | None) -> int:
    """Return the request of a task while nothing is known, MiB: the memory that sbatch would have given it."""
    largest_mb = site.cap_mb(partition.name if partition else None)
    if request.mem_mb:
        return request.mem_mb
    per_core_mb = (partition and partition.mem_per_core_default_mb) or site.mem_per_core_default_mb
    if request.mem_mb is None and partition is not None and partition.mem_default_mb is not None:
        return min(largest_mb, partition.mem_default_mb)
    if request.mem_mb is None and per_core_mb:
        return min(largest_mb, per_core_mb * request.cpus)
    # all memory of a node: of the most common kind, so that it need not wait for the few large ones
    usual = [one for one in site.partitions if partition is not None and one.option == partition.option]
    return max(usual, key=lambda one: (one.nodes or 0, one.cap_mb)).cap_mb if usual else largest_mb


def _safe(text: str) -> str:
    """Return a name that chromplan.toml allows; one that is too long is cut and ends with a hash of the whole."""
    name = shell.safe_name(text)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 9].rstrip('._-')}-{name[-8:]}"


def _partition(request: Request, site: Site) -> Partition | None:
    """Return the site's partition for the script; of one with several kinds of nodes, the largest kind."""
    named = request.value("partition")
    if not named:
        return max((one for one in site.partitions if one.default), key=lambda one: one.cap_mb, default=None)
    names = named.split(",")
    found = [one for one in site.partitions if one.option in names or one.name in names]
    if not found:
        known = ", ".join(one.name for one in site.partitions)
        raise InputError(
            f"{request.source.label}: site {site.name} has no partition {named!r}", f"its partitions: {known}"
        )
    return max(found, key=lambda one: one.cap_mb)


def _time_s(request: Request, site: Site, partition: Partition | None) -> float:
    if request.time_s is not None and request.time_s < math.inf:
        return request.time_s
    longest_s = partition.max_time_s if partition else max(one.max_time_s for one in site.partitions)
    return longest_s if longest_s < math.inf else _NO_LIMIT_S


def _environment(request: Request) -> jinja2.Environment:
    environment = templates.environment()
    environment.filters["toml"] = toml.toml_value
    environment.filters["quote"] = lambda text: _literal(_quote(text))
    environment.filters["pattern"] = lambda text: _literal(patterns.bash_word(text, job_name=request.job_name))
    environment.filters["block"] = _toml_block
    return environment


def _quote(text: str) -> str:
    r"""Return ``text`` as one bash word; a carriage return, which chromplan.toml refuses, is written ``\r``."""
    return shell.quote(text).replace("\r", "'$'\\r''")


def _literal(bash: str) -> str:
    """Return quoted bash text with braces escaped, so that nothing is read as a placeholder of ``pipeline.command``."""
    return _NOT_UTF8.sub(_escaped, _PLACEHOLDER.sub(r"{{\1}}", bash))


def _escaped(match: re.Match[str]) -> str:
    r"""Return bytes that are not UTF-8 as bash reads them within single quotes: ``'$'\xe9''``."""
    return "'$'" + "".join(rf"\x{byte:02x}" for byte in os.fsencode(match[0])) + "''"


def _toml_block(text: str) -> str:
    r"""Return ``text`` for between the triple quotes of a TOML string: readable, with backslashes doubled."""
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", lambda match: f"\\u{ord(match[0]):04x}", escaped)
