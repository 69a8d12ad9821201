"""Interval lists as GATK takes them (``-L``), one per rule, and beside each the memory of its intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from planner.core import human
from planner.export.rules import ANY, Rule, RuleTask, minutes


def write(rules: Sequence[Rule]) -> dict[str, str]:
    """Return ``RULE.list`` and ``RULE.intervals.tsv`` for every rule that has chromosomes or parts of them.

    Of several samples, an interval asks for what the largest of them does.
    """
    found: dict[str, str] = {}
    for rule in rules:
        by_interval = {place: samples[ANY] for place, samples in rule.table().items() if place != ANY}
        if not by_interval:
            continue
        ordered = sorted(by_interval.items(), key=lambda pair: _place(pair[0]))
        rows = [_row(_interval(place, rule.contigs), task) for place, task in ordered]
        found[f"{rule.name}.list"] = "".join(f"{_interval(place, rule.contigs)}\n" for place, _ in ordered)
        found[f"{rule.name}.intervals.tsv"] = "".join(["interval\tmem_mb\tminutes\n", *rows])
    return found


def _row(interval: str, task: RuleTask) -> str:
    limits = minutes(task.time_s)
    return f"{interval}\t{task.mem_mb[0]}\t{limits[0] if limits else ''}\n"


def _interval(place: str, contigs: Mapping[str, str]) -> str:
    """Return ``chr20:1-5000000``: as the reference names its contigs, or as GRCh38's do where it is not known."""
    name = place.partition(":")[0]
    known = f"chr{'M' if name == 'MT' else name}" if name in human.CHROMOSOMES else name
    return f"{contigs.get(name, known)}{place[len(name) :]}"


def _place(place: str) -> tuple[int, int, str]:
    name, _, part = place.partition(":")
    start = part.partition("-")[0]
    rank = human.CHROMOSOMES.index(name) if name in human.CHROMOSOMES else len(human.CHROMOSOMES)
    return rank, int(start) if start.isdecimal() else 0, place
