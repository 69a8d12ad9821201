"""Cromwell's metadata: every call, shard and attempt of a workflow, with the memory it was given.

Cromwell records no peaks, only how long calls ran, with how much memory, and which were killed for memory.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from planner.core.errors import InputError
from planner.core.exits import KILLED
from planner.core.records import Observation, Outcome, Quality
from planner.history.labels import CHROMOSOME_KEYS, SAMPLE_KEYS, Labels, chromosome_in, plain_chromosome, read_name
from planner.history.readers import ReadOptions
from planner.history.readers.nextflow import parse_size_mb
from planner.history.reading import Skipped, count_of, identity
from planner.history.source import TextSource

NAME = "cromwell"
USES = frozenset({"name_pattern"})

_KEYS = ("submittedFiles", "workflowProcessingEvents", "actualWorkflowLanguage", "executionStatus", "workflowRoot")
_OUTCOMES = {
    "Done": Outcome.COMPLETED,
    "Failed": Outcome.FAILED,
    "RetryableFailure": Outcome.FAILED,
    "Aborted": Outcome.CANCELLED,
    "Preempted": Outcome.INFRA,
}
_OUT_OF_MEMORY = re.compile(r"memory_retry|OutOfMemory|out of memory|oom[-_]kill", re.IGNORECASE)


def recognises(head: str) -> bool:
    """Whether the text is JSON with keys of Cromwell's metadata."""
    return head.lstrip()[:1] == "{" and any(f'"{key}"' in head for key in _KEYS)


def read(source: TextSource, options: ReadOptions) -> Iterator[Observation | Skipped]:
    """Yield each attempt of each shard of each call, including those of sub-workflows.

    For skipped items, the line is the attempt's position in the document.

    Raises
    ------
    InputError
        When the text is not JSON, or holds no calls.
    """
    try:
        document = json.loads(source.text())
    except json.JSONDecodeError as error:
        raise InputError(
            f"{source.name}, line {error.lineno}: not valid JSON: {error.msg}", "the file may be cut: fetch it again"
        ) from None
    if not isinstance(document, dict) or not isinstance(document.get("calls"), dict):
        raise InputError(f"{source.name}: no calls in it", "fetch the metadata of the workflow with its calls")
    for place, (name, call, workflow) in enumerate(_calls(document), start=1):
        try:
            yield _observation(name, call, workflow, options.labels)
        except (ValueError, TypeError) as error:
            yield Skipped(line=place, reason=str(error))


def _calls(workflow: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    for name, attempts in (workflow.get("calls") or {}).items():
        for call in attempts if isinstance(attempts, list) else ():
            if isinstance(call, dict) and isinstance(call.get("subWorkflowMetadata"), dict):
                yield from _calls(call["subWorkflowMetadata"])
            elif isinstance(call, dict) and "subWorkflowId" not in call:
                yield name, call, str(workflow.get("id", ""))


def _observation(name: str, call: Mapping[str, Any], workflow: str, labels: Labels) -> Observation:
    status = str(call.get("executionStatus", ""))
    if status not in _OUTCOMES:
        raise ValueError(f"calls with status {status!r}: they have not ended")
    if (call.get("callCaching") or {}).get("hit") is True:
        raise ValueError("calls from the cache: they did not run")
    tool, shard = name.rpartition(".")[2], call.get("shardIndex", -1)
    inputs = call.get("inputs")
    task = tool if shard in (-1, None) else f"{tool}.shard{shard}"
    told = read_name(f"{name}.{shard}", labels) if labels.pattern is not None else {}
    given = call.get("runtimeAttributes") or {}
    limit_mb = parse_size_mb(str(given.get("memory") or ""))
    start_s, end_s = _instant_s(call.get("start")), _instant_s(call.get("end"))
    outcome, evidence = _judge(call, status)
    oom = outcome is Outcome.OOM
    return Observation(
        tool=labels.tool or told.get("tool") or tool,
        task=task,
        sample=told.get("sample") or _first(inputs, SAMPLE_KEYS),
        chromosome=told.get("chromosome") or plain_chromosome(_first(inputs, CHROMOSOME_KEYS)) or chromosome_in(name),
        features={},
        peak_mb=limit_mb if oom else None,
        limit_mb=None if limit_mb is None else round(limit_mb),
        wall_s=None if start_s is None or end_s is None else float(end_s - start_s),
        outcome=outcome,
        quality=Quality.CENSORED if oom else Quality.MISSING,
        job_id=identity(NAME, workflow, name, str(shard), str(call.get("attempt", 1)), str(call.get("start", ""))),
        submit_s=start_s or 0,
        cpus=count_of(str(given.get("cpu", ""))),
        start_s=start_s,
        end_s=end_s,
        evidence=evidence,
        source=NAME,
    )


def _judge(call: Mapping[str, Any], status: str) -> tuple[Outcome, str]:
    code = call.get("returnCode")
    evidence = f"metadata {status}, return code {'-' if code is None else code}"
    if _OUTCOMES[status] is Outcome.FAILED:
        if _OUT_OF_MEMORY.search(json.dumps(call.get("failures") or "")):
            return Outcome.OOM, f"{evidence}: its failure names memory"
        if code == KILLED:
            return Outcome.OOM, f"{evidence} (killed; suspected)"
    return _OUTCOMES[status], evidence


def _first(inputs: object, names: tuple[str, ...]) -> str:
    """Return the first input with one of these names that is a plain word."""
    if not isinstance(inputs, dict):
        return ""
    return next((str(inputs[name]) for name in names if isinstance(inputs.get(name), str | int)), "")


def _instant_s(text: object) -> int | None:
    return int(datetime.fromisoformat(text).timestamp()) if isinstance(text, str) and text else None
