"""Snakemake: a module of resource functions, the file that it reads, and a profile for a Snakefile as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from planner.core import files
from planner.export.rules import ATTEMPTS, Rule, document

MODULE = "chromplan_resources.py"
FILE = "chromplan.json"
PROFILE = "chromplan_profile/config.yaml"

_HEAD = """\
# snakemake --workflow-profile chromplan_profile: each job asks for what chromplan.json says, the Snakefile as it is.
# chromplan_resources.py and chromplan.json must lie beside the Snakefile; 'chromplan export --to snakemake' writes all.
"""


def write(rules: Sequence[Rule]) -> dict[str, str]:
    """Return the module, its data and the profile; between runs only the data changes, unless there are other rules."""
    module = (files.shipped("templates") / MODULE).read_text(encoding="utf-8")
    data = json.dumps(document(rules), indent=1, sort_keys=True) + "\n"
    return {MODULE: module, FILE: data, PROFILE: "\n".join(_profile(rules)) + "\n"}


def _profile(rules: Sequence[Rule]) -> Iterator[str]:
    # what Snakemake could not call a rule, no Snakefile has
    named = [rule for rule in rules if rule.name.isidentifier()]
    yield f"{_HEAD}retries: {ATTEMPTS - 1}"
    yield "set-resources:" if named else "set-resources: {}"
    for rule in named:
        yield f"  {rule.name}:"
        for resource in ("mem_mb", "runtime") if all(task.time_s for task in rule.tasks) else ("mem_mb",):
            asked = f'__import__("chromplan_resources").chromplan("{rule.name}", "{resource}")(wildcards, attempt)'
            yield f"    {resource}: {json.dumps(asked)}"
