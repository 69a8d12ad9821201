"""miniwdl's logs (``workflow.log``, ``task.log``): every attempt of a task, with the memory it was given.

miniwdl itself logs no peaks; where a plugin logs ``container usage``, the largest ``mem_MiB`` is taken.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from planner.core.exits import KILLED
from planner.core.records import Observation, Outcome, Quality
from planner.core.units import BYTES_PER_MB
from planner.history.labels import Labels, chromosome_in, read_name
from planner.history.readers import ReadOptions
from planner.history.reading import Skipped, identity
from planner.history.source import TextSource

NAME = "miniwdl"
USES = frozenset({"name_pattern"})

_LINE = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.\d+ (?P<source>wdl\.\S+) "
    r"(?:[A-Z]+ )?(?P<message>.*?)(?: :: (?P<facts>.*))?$"
)
_JSON_SOURCE = re.compile(r'"source": ?"wdl\.')
_FACT = re.compile(r"(?:^|, )(\w+): ")
_FAILED = re.compile(r"(?:task|call) .* failed|failed task will be retried|interrupted task will be retried")
_RUNS = re.compile(r"docker task running|\w+ run$")


@dataclass(frozen=True, kw_only=True, slots=True)
class _LogLine:
    number: int
    time_s: int
    source: str
    message: str
    facts: Mapping[str, Any]


@dataclass(slots=True)
class _RunningCall:
    """A task from its setup to its end."""

    name: str
    since_s: int
    attempt: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    peak_mb: float | None = None


def recognises(head: str) -> bool:
    """Whether a line was written by one of miniwdl's loggers."""
    return _JSON_SOURCE.search(head) is not None or any(_LINE.match(line) for line in head.splitlines())


def read(source: TextSource, options: ReadOptions) -> Iterator[Observation | Skipped]:
    """Yield each attempt of each task whose end is in the log."""
    running: dict[str, _RunningCall] = {}
    for line in _log_lines(source):
        if line.message == "task setup":
            running[line.source] = _RunningCall(name=str(line.facts.get("name", "")), since_s=line.time_s)
        elif (task := running.get(line.source)) is not None:
            if line.message.startswith("done"):
                del running[line.source]
                if "cached" not in line.message:
                    yield _observation(task, line, options.labels, Outcome.COMPLETED)
            elif _FAILED.match(line.message):
                yield _observation(task, line, options.labels, _outcome(line))
                task.attempt, task.since_s, task.peak_mb = task.attempt + 1, line.time_s, None
                if "retried" not in line.message:
                    del running[line.source]
            else:
                _take_in(task, line)
    for name in running:
        yield Skipped(line=0, reason=f"task {name}: the log does not tell its end")


def _take_in(task: _RunningCall, line: _LogLine) -> None:
    if line.message == "effective runtime":
        task.facts.update(line.facts)
    elif _RUNS.match(line.message):
        task.since_s = line.time_s
    elif isinstance(used := line.facts.get("mem_MiB"), int | float):
        task.peak_mb = max(task.peak_mb or 0.0, float(used))


def _outcome(line: _LogLine) -> Outcome:
    if line.facts.get("exit_status") == KILLED or f"status {KILLED}" in str(line.facts.get("message", "")):
        return Outcome.OOM
    return Outcome.INFRA if line.message.startswith("interrupted") else Outcome.FAILED


def _observation(task: _RunningCall, line: _LogLine, labels: Labels, outcome: Outcome) -> Observation:
    call = line.source.rpartition(".t:")[2]
    given = task.facts.get("memory_limit") or task.facts.get("memory_reservation") or task.facts.get("memory")
    limit_mb = given / BYTES_PER_MB if isinstance(given, int | float) and given > 0 else None
    oom = outcome is Outcome.OOM
    peak_mb = max((mb for mb in (task.peak_mb, limit_mb) if mb), default=None) if oom else task.peak_mb
    told = read_name(line.source, labels) if labels.pattern is not None else {}
    cpus = task.facts.get("cpu", 1)
    return Observation(
        tool=labels.tool or told.get("tool") or task.name,
        task=call,
        sample=told.get("sample", ""),
        chromosome=told.get("chromosome") or chromosome_in(call),
        features={},
        peak_mb=peak_mb,
        limit_mb=None if limit_mb is None else round(limit_mb),
        wall_s=float(line.time_s - task.since_s),
        outcome=outcome,
        quality=Quality.CENSORED if oom else Quality.MISSING if peak_mb is None else Quality.SAMPLED,
        job_id=identity(NAME, line.source, str(task.attempt), str(line.time_s)),
        submit_s=task.since_s,
        cpus=cpus if isinstance(cpus, int) and cpus > 0 else 1,
        start_s=task.since_s,
        end_s=line.time_s,
        evidence=f"log: {line.message}" + (" (killed; suspected)" if oom else ""),
        source=NAME,
    )


def _log_lines(source: TextSource) -> Iterator[_LogLine]:
    for number, text in enumerate(source.lines(), start=1):
        if not text.endswith("\n"):
            return  # the last line is cut, perhaps in the middle of a number
        found = _json_line(number, text) if text.startswith("{") else _plain_line(number, text.rstrip())
        if found is not None:
            yield found


def _plain_line(number: int, text: str) -> _LogLine | None:
    match = _LINE.match(text)
    if match is None:
        return None
    time_s = int(datetime.fromisoformat(match["time"]).timestamp())
    facts = _facts(match["facts"] or "")
    return _LogLine(number=number, time_s=time_s, source=match["source"], message=match["message"], facts=facts)


def _json_line(number: int, text: str) -> _LogLine | None:
    try:
        found = json.loads(text)
        source, message, time_s = str(found["source"]), str(found["message"]), int(found["timestamp"])
    except (ValueError, KeyError, TypeError):
        return None
    return _LogLine(number=number, time_s=time_s, source=source, message=message, facts=found)


def _facts(text: str) -> dict[str, Any]:
    """Read ``name: JSON, name: JSON``."""
    facts: dict[str, Any] = {}
    place, decoder = 0, json.JSONDecoder()
    while (match := _FACT.match(text, place)) is not None:
        try:
            facts[match[1]], place = decoder.raw_decode(text, match.end())
        except ValueError:
            break
    return facts
