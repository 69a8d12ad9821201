"""A first chromplan.toml: detects the cluster and the samples, and checks what it writes as a plan would."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from planner.actions import checking, opening
from planner.core import config as configuration
from planner.core import files, genomes, human, pipelines, units
from planner.core.documents import parse_toml
from planner.core.errors import InputError, PlannerError
from planner.core.toml import toml_value
from planner.project.folder import ProjectFolder
from planner.project.regions import regions_of

# what follows the tool's name in an example; NAME is what a task's files are called
_ARGUMENTS = {
    "beagle": "gt=input/NAME.vcf.gz out=output/NAME nthreads={cpus}",
    "plink2": "--vcf input/NAME.vcf.gz --threads {cpus} --memory {mem_mb} --out output/NAME",
}
_ARGUMENTS_OF_OTHERS = "input/NAME.vcf.gz output/NAME"


def example(tool: str, *, samples: bool) -> str:
    """Return a command to start from: of a tool, with or without samples."""
    name = "{sample}.chr{chromosome}" if samples else "chr{chromosome}"
    return f"{tool} {_ARGUMENTS.get(tool, _ARGUMENTS_OF_OTHERS)}".replace("NAME", name)


DEFAULTS: Mapping[str, object] = {
    "name": "impute",
    "tool": "plink2",
    "command": example("plink2", samples=False),
    "genome": human.DEFAULT,
    "chromosomes": None,
    "samples": [],
    "cpus": 1,
    "time": configuration.TIME,
    "site": "local",
    "partition": None,
    "account": None,
    "mode": "array",
}
_SAMPLE_FILES = ("samples.tsv", "samples.csv", "samples.txt")


@dataclass(frozen=True, kw_only=True)
class FoundSite:
    """The site of this machine.

    Attributes
    ----------
    name : str
        What ``submit.site`` is to say.
    said : str
        What a person should know of it; may be empty.
    """

    name: str
    said: str


def find_site(folder: Path) -> FoundSite:
    """Return the project's own site, or the cluster of this machine, detected and written to ``site_configs/``."""
    from planner import site as sites
    from planner import slurm

    own = sorted((folder / "site_configs").glob("*.toml"))
    if len(own) == 1:
        return FoundSite(name=own[0].stem, said=f"site {own[0].stem}: {own[0]}")
    if not shutil.which("sinfo"):
        return FoundSite(name="local", said="")
    try:
        site = sites.detect(sites.query(slurm.run))
    except PlannerError as error:
        return FoundSite(
            name="local",
            said=f"Slurm is here, but does not answer ({error.message.splitlines()[-1]}): the site is 'local', this "
            "machine, until 'chromplan site detect -o site_configs/NAME.toml' works and submit.site says NAME",
        )
    if site.name in sites.names():
        return FoundSite(name=site.name, said=f"site {site.name}: {sites.find(site.name)}")
    path = folder / "site_configs" / f"{site.name}.toml"
    files.write_text(path, sites.dumps(site))
    return FoundSite(name=site.name, said=f"site {site.name}: wrote {path}, detected from Slurm")


def find_samples(folder: Path) -> str | None:
    """Return the name of a sample table that lies in the folder."""
    return next((name for name in _SAMPLE_FILES if (folder / name).is_file()), None)


def longest_time(folder: Path, site: str, partition: str | None, wanted: str) -> str:
    """Return a time limit, or the longest that the site has where that is shorter."""
    from planner import site as sites

    here = sites.load_for(folder, site)
    limits = [one.max_time_s for one in here.partitions if one.name == partition or (not partition and not one.opt_in)]
    longest_s = max(limits, default=0.0)
    wanted_s = units.parse_duration_s(wanted) or 0.0
    return units.format_duration(longest_s) if 0 < longest_s < wanted_s else wanted


def text(values: Mapping[str, object]) -> str:
    """Return chromplan.toml for these values, commented."""
    from planner.core import templates

    environment = templates.environment()
    environment.filters["toml"] = toml_value
    filled = {**DEFAULTS, **values}
    if filled["chromosomes"] is None and genomes.is_human(str(filled["genome"])):
        filled["chromosomes"] = genomes.AUTOSOMES
    return environment.get_template("chromplan.toml.j2").render(filled).rstrip() + "\n"


def check(values: Mapping[str, object], folder: Path) -> str:
    """Return chromplan.toml for these values, once a plan would take it.

    Raises
    ------
    InputError
        What a plan would say: of a field, the samples, the command, the site, its partition or account.
    """
    path = folder / configuration.FILE
    written = text(values)
    config = parse_toml(written, configuration.Config, path=path)
    checking.check(config, pipelines.samples(config, folder), regions_of(config, folder), path=path)
    site, _ = opening.load_site(ProjectFolder(folder), config).for_account(config.submit.account, os.environ)
    time_s = units.parse_duration_s(config.pipeline.time) or 0.0
    site.choose(1, config.pipeline.cpus_tried[0], time_s, config.submit.partition)
    return written


def wrong(field: str, value: object, values: Mapping[str, object], folder: Path) -> InputError | None:
    """Return what is wrong with one answer beside those before it; None when it can be used."""
    try:
        check({**values, field: value}, folder)
    except InputError as error:
        return error
    return None
