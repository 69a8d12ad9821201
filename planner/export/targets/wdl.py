"""WDL: the tasks of each rule as an input of a workflow, the struct that they are, and options for Cromwell."""

from __future__ import annotations

import json
from collections.abc import Sequence

from planner.export.rules import Rule, RuleTask, minutes

STRUCT, INPUTS, OPTIONS = "chromplan.wdl", "chromplan.inputs.json", "chromplan.options.json"

_STRUCT = """\
version 1.0

# What each task asks for, as chromplan has planned it; '{inputs}' holds the values, written by
# 'chromplan export --to wdl', which may be given again between runs. In a workflow called {workflow}:
#
#   import "{struct}"
#   input {{ Array[ChromplanTask] {first}_tasks }}
#   scatter (one in {first}_tasks) {{
#     call {first} {{ input: chromosome = one.chromosome, mem_mb = one.mem_mb, cpu = one.cpu }}
#   }}
#
# and in the task: runtime {{ memory: "~{{mem_mb}} MiB"  cpu: cpu }}
# (MiB: in WDL, "MB" is a million bytes)
struct ChromplanTask {{
  String sample
  String chromosome
  Int cpu
  Int mem_mb
  Int? minutes
}}
"""


def write(rules: Sequence[Rule]) -> dict[str, str]:
    """Return the struct, the inputs, and Cromwell's options.

    A task of WDL does not know which attempt it is, so only the first request can be given. Cromwell's own way, more
    memory by one factor for every retry, is switched off: it multiplies any call whose log says "Killed", and knows
    neither node nor model. What was killed is read back from the metadata, and asks for more in the next run.
    """
    inputs = {f"{rule.workflow}.{rule.name}_tasks": [_task(task) for task in rule.tasks] for rule in rules}
    first = rules[0]
    return {
        STRUCT: _STRUCT.format(inputs=INPUTS, struct=STRUCT, first=first.name, workflow=first.workflow),
        INPUTS: json.dumps(inputs, indent=1) + "\n",
        OPTIONS: json.dumps({"memory_retry_multiplier": 1.0}) + "\n",
    }


def _task(task: RuleTask) -> dict[str, object]:
    limits = minutes(task.time_s)
    return {
        "sample": task.sample,
        "chromosome": task.chromosome,
        "cpu": task.cpus,
        "mem_mb": task.mem_mb[0],
        "minutes": limits[0] if limits else None,
    }
