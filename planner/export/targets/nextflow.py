"""Nextflow: a config whose closures give memory, time and CPUs by process, tag and attempt."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

from planner.export.rules import Ceiling, Rule, RuleTask, minutes

FILE = "chromplan.config"
# a string of a Java class holds 65 535 bytes
_MOST_BYTES = 60_000

_HEADER = """\
// What each task asks for, as chromplan has planned it: written by 'chromplan export --to nextflow', which may be given
// again between runs. In nextflow.config: includeConfig '{file}'
//
// A task is found by its tag, which must name what the plan names: tag "${{sample}} chr${{chromosome}}", say. A tag
// that names neither gets the largest request of the process.
process {{
    errorStrategy = {{ task.exitStatus in [104, 130, 134, 137, 139, 140, 143, 247] ? 'retry' : 'finish' }}
    maxRetries = 3
"""
# rows: what each attempt asks for, chromosome, sample; the row that says most of what the tag says is taken
_CLOSURE = """\
        {directive} = {{
            def tag = task.tag ? task.tag.toString() : ''
            def says = {{ word -> (tag =~ "(?i)(?<![a-z0-9])\\\\Q${{word}}\\\\E(?![a-z0-9])").find() }}
            def rank = {{ row ->
                def place = row[1]
                def sample = row[2]
                def bare = tag.contains(place) && says(place) ? 20 : -999
                def named = !place ? 0 : says("chr${{place}}") ? 40 : bare
                def whose = !sample ? 0 : tag.contains(sample) && says(sample) ? 10 : -999
                named + whose + (place.size() + sample.size()) / 1000
            }}
            def rows = [
{rows}
            ].join('').readLines().collect {{ row -> row.split('\\t', 3) as List }}
            def asked = rows.max(rank)[0].tokenize(' ')
            {value}
        }}
"""
_ASKED = "asked[Math.min(task.attempt, asked.size()) - 1]"


def write(rules: Sequence[Rule]) -> dict[str, str]:
    """Return the config."""
    text = [_HEADER.format(file=FILE)]
    for rule in rules:
        text += [f"    withName: {_quoted(rule.name)} {{\n", *_process(rule), "    }\n"]
    return {FILE: "".join([*text, "}\n"])}


def _limits(ceiling: Ceiling) -> str:
    """Return the ``resourceLimits`` to which Nextflow (24.04 and later) holds a process, as far as they are known."""
    known = [f"memory: '{int(ceiling.mem_mb)} MB'"] if ceiling.mem_mb < math.inf else []
    known += [f"time: '{int(ceiling.time_s) // 60}m'"] if ceiling.time_s < math.inf else []
    return f"        resourceLimits = [{', '.join(known)}]\n" if known else ""


def _process(rule: Rule) -> Iterator[str]:
    yield _limits(rule.ceiling)
    cpus = {task.cpus for task in rule.tasks}
    if len(cpus) == 1:
        yield f"        cpus = {cpus.pop()}\n"
    else:
        yield _closure(rule, "cpus", lambda task: [task.cpus], f"{_ASKED} as int")
    yield _closure(rule, "memory", lambda task: task.mem_mb, f'"${{{_ASKED}}} MB"')
    if all(task.time_s for task in rule.tasks):
        yield _closure(rule, "time", lambda task: minutes(task.time_s), f'"${{{_ASKED}}}m"')


def _closure(rule: Rule, directive: str, asked: Callable[[RuleTask], Sequence[int]], value: str) -> str:
    rows = (
        f"{' '.join(map(str, asked(task)))}\t{chromosome}\t{sample}\n"
        for chromosome, samples in sorted(rule.table().items())
        for sample, task in sorted(samples.items())
    )
    return _CLOSURE.format(
        directive=directive, rows=",\n".join(f"'''\\\n{part}'''" for part in strings(rows)), value=value
    )


def strings(rows: Iterator[str]) -> Iterator[str]:
    """Yield the rows as texts that fit into a string each, as Groovy writes them between three quotes."""
    part, held_bytes = "", 0
    for row in rows:
        text = row.replace("\\", "\\\\").replace("'", "\\'")
        size_bytes = len(text.encode())
        if part and held_bytes + size_bytes > _MOST_BYTES:
            yield part
            part, held_bytes = "", 0
        part, held_bytes = part + text, held_bytes + size_bytes
    yield part


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
