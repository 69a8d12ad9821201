"""The efficiency report of Snakemake's Slurm executor: a CSV of job steps, with the rule that each ran."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from planner.core.records import Observation, Outcome, Quality
from planner.core.sampling import near_limit
from planner.core.units import parse_duration_s
from planner.history.delimited import check_columns, header_of, split_rows
from planner.history.labels import Labels, chromosome_in, read_name
from planner.history.readers import ReadOptions
from planner.history.reading import Skipped, count_of
from planner.history.source import TextSource

NAME = "efficiency"
USES = frozenset({"name_pattern"})

_NEEDED = {"JobID": "the job", "MaxRSS_MB": "peak memory", "RequestedMem_MB": "what was asked for"}
_USED = (*_NEEDED, "MaxRSS", "Elapsed", "RuleName", "NCPUS")
# the executor's comment: rule_NAME, or rule_NAME_wildcards_VALUES
_RULE, _WILDCARDS = "rule_", "_wildcards_"


def recognises(head: str) -> bool:
    """Whether the header has the report's columns."""
    return set(_NEEDED) <= header_of(head)


def read(source: TextSource, options: ReadOptions) -> Iterator[Observation | Skipped]:
    """Return each job step of a report.

    The report does not say how a job ended. A step near its request may have been killed, so it is skipped.

    Raises
    ------
    InputError
        When a column is missing or the file is cut.
    """
    table = split_rows(source.text(), source=source.name)
    check_columns(table.columns, _NEEDED, source=source.name)
    for found in table.whole_rows(_USED):
        if isinstance(found, Skipped):
            yield found
            continue
        line, row = found
        try:
            yield _observation(row, options.labels)
        except ValueError as error:
            yield Skipped(line=line, reason=str(error))


def _observation(row: Mapping[str, str], labels: Labels) -> Observation:
    comment = row.get("RuleName", "")
    rule, _, wildcards = comment.removeprefix(_RULE).partition(_WILDCARDS)
    tool = labels.tool or rule
    if not tool:
        raise ValueError("no rule in it (the cluster stores no comments): name it with --tool")
    told = read_name(comment, labels) if labels.pattern is not None else {}
    if labels.pattern is not None and not told:
        raise ValueError("rules whose name does not match the pattern")
    peak_mb = float(row["MaxRSS_MB"] or 0) or None
    limit_mb = float(row["RequestedMem_MB"] or 0) or None
    if near_limit(peak_mb, limit_mb):
        raise ValueError("steps near their request: the report does not say whether they were killed (sacct does)")
    cpus = row.get("NCPUS", "")
    return Observation(
        tool=told.get("tool") or tool,
        task=f"{rule}.{wildcards}" if wildcards else rule or row["JobID"],
        sample=told.get("sample", ""),
        chromosome=told.get("chromosome") or chromosome_in(wildcards),
        features={},
        peak_mb=peak_mb,
        limit_mb=None if limit_mb is None else round(limit_mb),
        wall_s=parse_duration_s(row.get("Elapsed", "")),
        outcome=Outcome.COMPLETED,
        quality=Quality.MISSING if peak_mb is None else Quality.SAMPLED,
        job_id=row["JobID"],
        submit_s=0,
        cpus=count_of(cpus.removesuffix(".0")),
        evidence="efficiency report: it does not say how the job ended",
        source=NAME,
    )
