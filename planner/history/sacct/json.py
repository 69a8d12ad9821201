"""``sacct --json`` as the columns of the text form, so that one parser interprets both.

The shape changed twice: 22.05 (``v0.0.38``) has plain numbers, states as strings and step ids separate from their
job's; 23.02 (``v0.0.39``) has numbers as ``{set, infinite, number}``; since 23.11 (``v0.0.40``) states are lists and
steps carry their full id. 22.05 prints exit status 0 for jobs that failed with another status, so that only states and
signals count. Since 24.11, an unset number can be near 2^32 or 2^64 instead of missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from planner.core.errors import InputError
from planner.core.job_ids import JobId
from planner.core.units import NO_VAL
from planner.history.sacct.text import SacctLine

# Slurm's NO_VAL and INFINITE, in 16, 32 and 64 bits
_NOT_SET = (65534, NO_VAL, 18446744073709551614)
_INFINITE = (65535, NO_VAL + 1, 18446744073709551615)
# Numbers that stand for named steps
_NAMED_STEPS = {"4294967290": "interactive", "4294967291": "batch", "4294967292": "extern"}


def split_json(text: str, *, source: str) -> list[SacctLine]:
    """Return the rows of all jobs and steps, numbered by the job's position in the document.

    Raises
    ------
    InputError
        When the text is not JSON, or holds no list of jobs.
    """
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{source}, line {error.lineno}: not valid JSON: {error.msg}",
            "the file may be cut: write it again with 'sacct --json'",
        ) from None
    jobs = document.get("jobs") if isinstance(document, dict) else None
    if not isinstance(jobs, list):
        raise InputError(f"{source}: no list of jobs", "write it with 'sacct --json'")
    return [
        SacctLine(number, tuple(values), tuple(values.values()), values["JobID"], values["Cluster"])
        for number, job in enumerate(jobs, start=1)
        if isinstance(job, dict)
        for values in _rows(job)
    ]


def _rows(job: dict[str, Any]) -> Iterator[dict[str, str]]:
    base = _job_id(job)
    time = _dict(job, "time")
    yield {
        "Cluster": _word(job.get("cluster")),
        **_common(job, _list(_dict(job, "tres"), "allocated")),
        "JobID": base,
        "JobName": _word(job.get("name")),
        "DerivedExitCode": _exit_code(_dict(job, "derived_exit_code")),
        "ReqMem": _requested(job),
        "AllocCPUS": _count(_list(_dict(job, "tres"), "allocated"), "cpu"),
        "NNodes": _word(job.get("allocation_nodes")),
        "NodeList": _word(job.get("nodes")),
        "TimelimitRaw": _limit(time.get("limit")),
        "TotalCPU": _seconds(_dict(time, "total")),
        "SubmitLine": _word(job.get("submit_line")),
        "Submit": _number(time.get("submission")),
        "WorkDir": _word(job.get("working_directory")),
    }
    for step in _list(job, "steps"):
        yield _step(step, base) | {"Cluster": _word(job.get("cluster"))}


def _step(step: dict[str, Any], base: str) -> dict[str, str]:
    tres = _dict(step, "tres")
    requested = _dict(tres, "requested")
    total = _count(_list(requested, "total"), "mem")
    nodes = _dict(step, "nodes")
    return {
        **_common(step, _list(tres, "allocated")),
        "JobID": f"{base}.{_step_id(_dict(step, 'step'))}",
        "JobName": _word(_dict(step, "step").get("name")),
        "MaxRSS": _count(_list(requested, "max"), "mem"),
        "TRESUsageInTot": f"mem={total}" if total else "",
        "NTasks": _number(_dict(step, "tasks").get("count")),
        "AllocCPUS": _count(_list(tres, "allocated"), "cpu"),
        "NNodes": _number(nodes.get("count")),
        "NodeList": _word(nodes.get("range")),
    }


def _common(record: dict[str, Any], allocated: list[Any]) -> dict[str, str]:
    """Return the columns that jobs and steps share."""
    granted = {"mem": "M", "billing": ""}
    tres = [f"{kind}={count}{unit}" for kind, unit in granted.items() if (count := _count(allocated, kind))]
    time = _dict(record, "time")
    return {
        "State": _state(record),
        "ExitCode": _exit_code(_dict(record, "exit_code")),
        "AllocTRES": ",".join(tres),
        "ElapsedRaw": _number(time.get("elapsed")),
        "Start": _number(time.get("start")),
        "End": _number(time.get("end")),
    }


def _dict(record: dict[str, Any], key: str) -> dict[str, Any]:
    value = record.get(key)
    return value if isinstance(value, dict) else {}


def _list(record: dict[str, Any], key: str) -> list[Any]:
    value = record.get(key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _word(value: object) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _number(value: object) -> str:
    """Return a number as text, plain or as ``{set, infinite, number}``; "" when it is not set."""
    if isinstance(value, dict):
        value = value.get("number") if value.get("set") else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    usable = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return str(value) if usable and value not in (*_NOT_SET, *_INFINITE) else ""


def _seconds(value: dict[str, Any]) -> str:
    """Return processor time as sacct prints it; empty without any, as of a job whose steps were not measured."""
    seconds, micro = _number(value.get("seconds")), _number(value.get("microseconds"))
    if not seconds or seconds == micro == "0":
        return ""
    return f"{int(seconds) // 60:02d}:{int(seconds) % 60:02d}.{int(micro or 0) // 1000:03d}"


def _limit(value: object) -> str:
    if isinstance(value, dict):
        value = _INFINITE[-1] if value.get("infinite") else value.get("number") if value.get("set") else None
    return "UNLIMITED" if value in _INFINITE else _number(value)


def _count(tres: list[Any], kind: str) -> str:
    return next((_number(item.get("count")) for item in tres if item.get("type") == kind), "")


def _requested(job: dict[str, Any]) -> str:
    # not required.memory: in 22.05 it does not say whether it is per CPU or per node
    memory = _count(_list(_dict(job, "tres"), "requested"), "mem")
    return f"{memory}M" if memory else ""


def _state(record: dict[str, Any]) -> str:
    state = record.get("state")
    if isinstance(state, dict):
        state = state.get("current")
    words = [str(word) for word in state] if isinstance(state, list) else [str(state or "")]
    # flags follow the state proper: a requeue or a completion in progress overrides it
    word = next((flag for flag in ("REQUEUED", "COMPLETING") if flag in words), words[0] if words else "")
    by = record.get("kill_request_user")
    return f"{word} by {by}" if word == "CANCELLED" and by else word


def _exit_code(code: dict[str, Any]) -> str:
    signal = _dict(code, "signal")
    number = _number(signal.get("signal_id")) or _number(signal.get("id"))
    status = _number(code.get("return_code"))
    return f"{status or 0}:{number or 0}" if status or number else ""


def _job_id(job: dict[str, Any]) -> str:
    array, het = _dict(job, "array"), _dict(job, "het")
    # an id of 0 says "none"; an offset or an index may be 0
    if _number(array.get("job_id")) not in ("", "0"):
        return _array_id(int(_number(array.get("job_id"))), array)
    if _number(het.get("job_id")) not in ("", "0"):
        return f"{_number(het.get('job_id'))}+{_number(het.get('job_offset')) or 0}"
    return _number(job.get("job_id"))


def _array_id(job: int, array: dict[str, Any]) -> str:
    index = _number(array.get("task_id"))
    if index:
        return f"{job}_{index}"
    pending = _word(array.get("task"))
    if not pending.startswith("0x"):
        return f"{job}_[{pending}]" if pending else str(job)
    bits = int(pending, 16)
    indices = tuple(place for place in range(bits.bit_length()) if bits >> place & 1)
    return str(JobId(job=job, pending=indices))


def _step_id(step: dict[str, Any]) -> str:
    number = step.get("id")
    if isinstance(number, dict):
        number = number.get("step_id")
    if isinstance(number, dict):
        number = number.get("number")
    return _NAMED_STEPS.get(str(number)) or str(number).rpartition(".")[2]
