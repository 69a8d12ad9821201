"""The project made from a batch script: a ``chromplan.toml`` and a copy of the script, untouched."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from planner.core import files, shell, templates, units
from planner.core import genome as genomes
from planner.core.config import FILE, Config
from planner.core.documents import parse_toml
from planner.core.errors import InputError
from planner.core.records import Mode
from planner.project.folder import ProjectFolder
from planner.site import Partition, Site
from planner.wrap import patterns
from planner.wrap.elements import WrappedElement
from planner.wrap.request import Request

FOLDER = Path("wrapped")
# what a script finds as its own name: Slurm calls every one so
COPY = "slurm_script"
# where neither the script nor its partition sets a limit
_NO_LIMIT_S = 365 * 86400
_LONGEST_NAME = 55
_PLACEHOLDER = re.compile(r"(?<!\$)\{(\w+)\}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """Where and how a wrapped script is submitted.

    Attributes
    ----------
    folder : Path
        The one the script was submitted from; absolute.
    site_name : str
        As ``submit.site`` takes it.
    after : tuple of str
        Projects of the steps before, relative to this one.
    dependency : str or None
        What remains of the script's ``--dependency``.
    """

    folder: Path
    site: Site
    site_name: str
    arguments: tuple[str, ...]
    mode: Mode = Mode.ARRAY
    genome: str = genomes.DEFAULT
    after: tuple[str, ...] = ()
    dependency: str | None = None


def name_of(request: Request, arguments: Sequence[str]) -> str:
    """Return what a wrapped script is called: its job name, and its arguments where it has some."""
    return _safe(".".join([request.job_name.removesuffix(".sh"), *arguments]))


def write(project: ProjectFolder, request: Request, elements: Sequence[WrappedElement], setting: Setting) -> Config:
    """Write a wrapped script's project and return its configuration.

    The script's copy lies in a folder named by its content: jobs in the queue keep the one they were submitted with.

    Raises
    ------
    InputError
        When the script's partition is not one of the site's.
    """
    copy = f"scripts/{hashlib.sha256(request.text).hexdigest()[:12]}/{COPY}"
    partition = _partition(request, setting.site)
    options = [str(option) for option in request.kept]
    for option in options:
        if "\n" in option:
            raise InputError(f"{option!r}: a line break in an option", "sbatch options in a script are one line")
    if request.partition and "," in request.partition:
        options.append(f"--partition={request.partition}")
    environment = _environment(request)
    command = environment.get_template("wrap.sh.j2").render(
        request=request,
        copy=copy,
        folder=str(setting.folder),
        chdir=str(setting.folder / (request.chdir or "")),
        arguments=setting.arguments,
    )
    text = environment.get_template("wrap.toml.j2").render(
        request=request,
        name=name_of(request, setting.arguments),
        tool=tool_of(request),
        genome=setting.genome,
        time=units.format_duration(_time_s(request, setting.site, partition)),
        command=command,
        default_mb=setting.site.cap_mb(partition.name if partition else None)
        if request.mem_mb == 0
        else request.mem_mb,
        site=setting.site_name,
        partition=partition and partition.name,
        mode=setting.mode.value,
        options=options,
        dependency=setting.dependency,
        after=list(setting.after),
        elements=elements,
    )
    config = parse_toml(text, Config, path=project.config_path)
    files.write_bytes(project.folder / copy, request.text, executable=True)
    files.write_text(project.folder / FILE, text)
    return config


def tool_of(request: Request) -> str:
    """Return the tool whose memory is learnt: the script, whatever its arguments."""
    return _safe(request.job_name.removesuffix(".sh"))


def _safe(text: str) -> str:
    """Return a name that chromplan.toml takes: of one too long, its beginning and the hash of the whole."""
    name = shell.safe_name(text)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 9].rstrip('._-')}-{name[-8:]}"


def _partition(request: Request, site: Site) -> Partition | None:
    """Return the site's partition that the script names: of one with several kinds of nodes, the largest."""
    if not request.partition:
        return None
    named = request.partition.split(",")
    found = [one for one in site.partitions if one.option in named or one.name in named]
    if not found:
        known = ", ".join(one.name for one in site.partitions)
        raise InputError(
            f"{request.path}: site {site.name} has no partition {request.partition!r}", f"its partitions: {known}"
        )
    return max(found, key=lambda one: one.cap_mb)


def _time_s(request: Request, site: Site, partition: Partition | None) -> float:
    if request.time_s is not None and request.time_s < math.inf:
        return request.time_s
    longest_s = partition.max_time_s if partition else max(one.max_time_s for one in site.partitions)
    return longest_s if longest_s < math.inf else _NO_LIMIT_S


def _environment(request: Request) -> jinja2.Environment:
    environment = templates.environment()
    environment.filters["toml"] = templates.toml_value
    environment.filters["quote"] = lambda text: _literal(_quote(text))
    environment.filters["pattern"] = lambda text: _literal(patterns.bash_word(text, job_name=request.job_name))
    environment.filters["block"] = _toml_block
    return environment


def _quote(text: str) -> str:
    r"""Return ``text`` as one bash word; a carriage return, which chromplan.toml refuses, is written ``\r``."""
    return shell.quote(text).replace("\r", "'$'\\r''")


def _literal(bash: str) -> str:
    """Return bash text in which nothing is taken for a placeholder of ``pipeline.command``."""
    return _PLACEHOLDER.sub(r"{{\1}}", bash)


def _toml_block(text: str) -> str:
    r"""Return ``text`` for between the triple quotes of a TOML string: readable, with backslashes doubled."""
    escaped = text.replace("\\", "\\\\").replace('"""', '""\\"')
    return re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", lambda match: f"\\u{ord(match[0]):04x}", escaped)
