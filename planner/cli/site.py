"""``chromplan site``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from planner.cli.ui import completion
from planner.cli.ui.output import echo_json, echo_table, json_option
from planner.cli.ui.progress import working
from planner.core.errors import FailureError, InputError

if TYPE_CHECKING:
    from planner.site import Partition, Site

_POLICIES = {
    "mem": "asked for with --mem",
    "mem_per_cpu": "asked for with --mem-per-cpu",
    "cpus_only": "not asked for: cores stand for it",
    "whole_node": "not asked for: nodes are given whole",
}
_MEMORY_BY = {"mem": "--mem", "mem_per_cpu": "--mem-per-cpu", "cpus_only": "cores", "whole_node": "whole nodes"}

from_option = click.option(
    "--from",
    "files",
    multiple=True,
    metavar="FILE",
    help="Read saved output instead of asking Slurm; - for stdin; may be repeated.",
)


@click.group("site")
def command() -> None:
    """List, show, detect and check clusters.

    A site file tells the planner what a cluster has and wants: nodes, limits, rules. Files are found in ./site_configs
    and ~/.config/chromplan/sites, and some real clusters come with chromplan.
    """


@command.command("list")
@json_option
def list_sites(as_json: bool) -> None:
    """List the known sites."""
    from planner import site as sites

    entries = [_entry(name, path) for name, path in [("local", None), *sites.files().items()]]
    if as_json:
        echo_json(entries)
        return
    columns = ("name", ">partitions", ">largest task MB", "memory by", "cluster")
    keys = ("name", "partitions", "cap_mb", "mem_policy", "description")
    echo_table(columns, [[_MEMORY_BY.get(str(entry[key]), entry[key]) for key in keys] for entry in entries])
    click.echo("'chromplan site show NAME' tells more; 'chromplan site detect' describes the cluster you are on")


def _entry(name: str, path: Path | None) -> dict[str, object]:
    from planner import site as sites

    try:
        site = sites.load(name)
    except InputError as error:  # one broken file does not hide the others
        description: str = f"unreadable: {error.message}"
        return {
            "name": name,
            "description": description,
            "partitions": None,
            "cap_mb": None,
            "mem_policy": None,
            "file": str(path),
        }
    return {
        "name": name,
        "description": site.description,
        "partitions": len(site.partitions),
        "cap_mb": site.cap_mb(),
        "mem_policy": site.mem_policy,
        "file": str(path) if path else None,
    }


@command.command("show")
@click.argument("name", shell_complete=completion.sites)
@json_option
def show(name: str, as_json: bool) -> None:
    """Show one site: its partitions and its rules.

    NAME is a name from 'chromplan site list' or the path of a site file.
    """
    from planner import site as sites

    site = sites.load(name)
    if as_json:
        echo_json(site.model_dump(mode="json"))
        return
    click.echo(f"{site.description}\nfrom {site.source}, {site.as_of}")
    if name in sites.files():
        click.echo(f"file: {sites.find(name)}")
    if site.nominal_mem:
        click.echo("node memory is nominal, Slurm's is a little lower: 'chromplan site check' there shows it")
    echo_table(
        ["partition", ">nodes", ">cores", ">node MB", ">largest task MB", ">longest", "rules"],
        [_partition_row(partition) for partition in site.partitions],
    )
    for rule in _rules(site):
        click.echo(rule)


def _partition_row(partition: Partition) -> list[object]:
    option = f"--partition={partition.option}" if partition.option else "no --partition: the site chooses"
    rules = {
        option: partition.option != partition.name,
        "the default": partition.default,
        "only when named": partition.opt_in,
        f"at least {partition.min_cores} cores": partition.min_cores,
        f"at least {partition.min_mem_mb} MB": partition.min_mem_mb,
        f"at most {partition.mem_per_core_max_mb} MB per core": partition.mem_per_core_max_mb,
        f"{partition.mem_per_core_default_mb} MB per core unless asked": partition.mem_per_core_default_mb,
        f"{partition.mem_default_mb} MB unless asked": partition.mem_default_mb,
        f"qos {partition.qos}": partition.qos,
        f"constraint {partition.constraint}": partition.constraint,
        f"gres {partition.gres}": partition.gres,
        f"clusters {partition.clusters}": partition.clusters,
    }
    return [
        partition.name,
        partition.nodes or "?",
        partition.cores,
        partition.mem_mb,
        partition.cap_mb,
        partition.max_time or "no limit",
        "; ".join(text for text, applies in rules.items() if applies),
    ]


def _rules(site: Site) -> list[str]:
    account = f"required{f', ${site.account.env} without --account' if site.account.env else ''}"
    per_core = "a job gets this much memory per core unless it asks"
    if site.mem_policy == "cpus_only":
        per_core = "one core is asked for per this much memory"
    known = site.model_fields_set  # the rest are Slurm's defaults: nobody has looked
    rules: list[tuple[str, object]] = [
        ("memory", _POLICIES[site.mem_policy]),
        (per_core, site.mem_per_core_default_mb and f"{site.mem_per_core_default_mb} MB"),
        ("most memory per core, more costs cores", site.mem_per_core_max_mb and f"{site.mem_per_core_max_mb} MB"),
        ("least memory", site.min_mem_mb and f"{site.min_mem_mb} MB"),
        ("least time", site.min_time),
        ("account", site.account.required and account),
        *((f"time of accounts with {text}", limit) for text, limit in site.account.max_time.items()),
        ("largest array index", "max_array_size" in known and site.max_array_size - 1),
        ("jobs in the queue", site.max_submit and f"at most {site.max_submit}"),
        ("jobs of all users", site.max_job_count and f"at most {site.max_job_count}, half of them for one round"),
        ("submissions", site.submit_rate and f"at most {site.submit_rate}"),
        ("memory of waiting jobs", None if site.job_updates else "cannot be changed: mode tiers instead of array"),
        ("scheduler", known & {"scheduler", "priority"} and f"{site.scheduler}, priority {site.priority}"),
        (
            "memory is sampled",
            "acctg_freq_s" in known and (f"every {site.acctg_freq_s} s" if site.acctg_freq_s else "never"),
        ),
        (
            "memory of several processes",
            site.acctg_counts_shared and "what they share is sampled once for each: own records count",
        ),
        ("clusters", site.clusters),
        ("further options", " ".join(site.options)),
        ("before each task", "; ".join(site.preamble)),
    ]
    return [f"{what}: {value}" for what, value in rules if value]


@command.command("detect")
@from_option
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The file to write (default: the terminal)."
)
@click.option("--name", help="The site's name (default: the output file's, else Slurm's).")
@json_option
def detect(files: tuple[str, ...], output: Path | None, name: str | None, as_json: bool) -> None:
    """Write a site file from the cluster itself.

    \b
    On the cluster:   chromplan site detect -o site_configs/mine.toml
    From elsewhere:   (scontrol show config; scontrol show partition; scontrol show node) > saved.txt
                      chromplan site detect --from saved.txt -o site_configs/mine.toml
    """  # noqa: D301 - click's own mark for lines to keep
    from planner import site as sites
    from planner.actions.findings import TESTED
    from planner.core.files import write_text

    if output is not None and output.exists():
        raise InputError(f"{output}: exists", f"'chromplan site check {output}' compares it; or give another name")
    site = sites.detect(*_texts(files), name=name or (output.stem if output else None))
    if as_json:
        echo_json(site.model_dump(mode="json"))
    if output is not None:
        write_text(output, sites.dumps(site))
        click.echo(f"wrote {output}; add the account, minimum requests and modules yourself", err=as_json)
    elif not as_json:
        click.echo(sites.dumps(site), nl=False)
    click.echo(
        f"chromplan is tested on Slurm {', '.join(TESTED)}; 'chromplan doctor' looks this cluster over", err=True
    )


@command.command("check")
@click.argument("name", shell_complete=completion.sites)
@from_option
@json_option
@click.pass_context
def check(ctx: click.Context, name: str, files: tuple[str, ...], as_json: bool) -> None:
    """Compare a site file with the cluster.

    Exits with 1 if they differ. Accounts, minimum requests, rates and modules cannot be detected, so they are not
    compared.
    """
    from dataclasses import asdict

    from planner import site as sites

    site = sites.load(name)
    differences = sites.compare(site, sites.detect(*_texts(files)))
    if as_json:
        echo_json([asdict(difference) for difference in differences])
    elif differences:
        rows = [(d.field, _cell(d.file), _cell(d.cluster), d.meaning) for d in differences]
        echo_table(["field", "file", "cluster", "meaning"], rows)
    else:
        click.echo(f"{name} agrees with the cluster")
    if differences:
        ctx.exit(1)


def _cell(value: str | int | None) -> str:
    return "-" if value is None else str(value)


def _texts(files: tuple[str, ...]) -> list[str]:
    from planner import site as sites
    from planner.core.documents import read_text

    if files:
        hint = "save there what 'scontrol show config', 'show partition' and 'show node' print"
        return [sys.stdin.read() if file == "-" else read_text(Path(file), hint=hint) for file in files]
    from planner import slurm

    try:
        with working("asking Slurm"):
            return [sites.query(slurm.run)]
    except FailureError as error:
        raise FailureError(error.message, f"{error.hint}; or read saved output with --from") from None
