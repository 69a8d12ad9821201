"""What Snakemake's rules ask for, as chromplan has planned it: reads ``chromplan.json`` beside this file.

In the Snakefile::

    from chromplan_resources import chromplan

    rule impute:
        threads: chromplan("impute", "threads")
        resources:
            mem_mb=chromplan("impute"),
            runtime=chromplan("impute", "runtime"),

and ``snakemake --retries 3``: a rule's own ``retries`` would first be tried within the same, too small Slurm job.

'chromplan export --to snakemake' writes this file and chromplan.json; neither needs chromplan to be installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("chromplan.json")

_WHAT = {"mem_mb": "mem_mb", "runtime": "minutes", "threads": "cpus"}
_CHROMOSOMES = ("chromosome", "chrom", "chr", "contig", "region", "interval")
_SAMPLES = ("sample", "sample_id", "sampleid", "id", "cohort")


def chromplan(
    rule: str,
    what: str = "mem_mb",
    *,
    chromosome: str | None = None,
    sample: str | None = None,
    default: int | None = None,
    array: bool = False,
) -> Callable[..., int]:
    """Return a function of a job's wildcards, and attempt, that gives what the job asks for.

    Parameters
    ----------
    rule : str
        As chromplan.json calls it.
    what : str
        ``mem_mb`` (MiB), ``runtime`` (minutes) or ``threads``.
    chromosome, sample : str, optional
        Where they are not wildcards of these names: ``"{c}:{begin}-{end}"``; ``start`` and ``end`` are known.
    default : int, optional
        For a rule that chromplan.json does not know yet, doubled at each retry; without it such a rule is an error.
    array : bool
        For --slurm-array-jobs, which gives all jobs of an array the memory of its first: the largest of the rule.
    """
    if what not in _WHAT:
        raise ValueError(f"chromplan: {what!r} is none of {', '.join(_WHAT)}")
    tasks = _rules(default is not None).get(rule)
    if tasks is None and default is None:
        known = ", ".join(sorted(_rules(False))) or "none"
        raise ValueError(f"chromplan: {FILE} has no rule {rule!r}; rules there: {known}; or give default=…")

    def asked(wildcards: Any, attempt: int) -> int:
        if tasks is None:
            return int(default or 0) * (1 if what == "threads" else 2 ** (attempt - 1))
        names = dict(wildcards.items())
        found = _task(tasks, *(("", "") if array else (_place(names, chromosome), _one(names, sample, _SAMPLES))))
        value = found[_WHAT[what]]
        if isinstance(value, int):
            return value
        if not value:
            raise ValueError(f"chromplan: nothing is known of how long {rule} runs; leave {what} out")
        return int(value[min(attempt, len(value)) - 1])

    def threads(wildcards: Any) -> int:
        return asked(wildcards, 1)

    return threads if what == "threads" else asked


def _place(names: dict[str, str], template: str | None) -> str:
    found = _one(names, template, _CHROMOSOMES)
    if template is None and ":" not in found and "start" in names and "end" in names:
        found = f"{found}:{names['start']}-{names['end']}"
    # "chromosome1" and "chrom" are names of contigs
    return found[3:] if found[:3].lower() == "chr" and found[3:5].lower() not in ("", "om") else found


def _one(names: dict[str, str], template: str | None, usual: tuple[str, ...]) -> str:
    if template is not None:
        return template.format(**names)
    return next((str(names[name]) for name in usual if name in names), "")


def _task(tasks: dict[str, dict[str, Any]], chromosome: str, sample: str) -> Any:
    """Return the task, else the largest of its chromosome (of which it may be a part), else the largest of all."""
    for place in (chromosome, chromosome.partition(":")[0], ""):
        for name in (sample, "") if place in tasks else ():
            if name in tasks[place]:
                return tasks[place][name]
    raise ValueError("chromplan: a rule without tasks")


@cache
def _rules(may_lack: bool) -> dict[str, dict[str, dict[str, Any]]]:
    try:
        held = json.loads(FILE.read_text(encoding="utf-8"))
        rules: dict[str, dict[str, dict[str, Any]]] = held["rules"]
    except FileNotFoundError:
        if may_lack:
            return {}
        raise ValueError(f"chromplan: {FILE} is missing; 'chromplan export --to snakemake' writes it") from None
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"chromplan: {FILE} cannot be read: {error}; export it again") from None
    return rules
