"""Snakemake: a module of resource functions, and the file that it reads."""

from __future__ import annotations

import json
from collections.abc import Sequence

from planner.core import files
from planner.export.rules import Rule, document

MODULE = "chromplan_resources.py"
FILE = "chromplan.json"


def write(rules: Sequence[Rule]) -> dict[str, str]:
    """Return ``chromplan_resources.py`` and ``chromplan.json``; between runs only the latter changes."""
    module = (files.shipped("templates") / MODULE).read_text(encoding="utf-8")
    return {MODULE: module, FILE: json.dumps(document(rules), indent=1, sort_keys=True) + "\n"}
