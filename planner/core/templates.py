"""The jinja environment of all files that are written from templates."""

from __future__ import annotations

from pathlib import Path

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from planner.core import files, shell


def environment(*folders: Path) -> jinja2.Environment:
    """Return an environment that looks in the given folders first, then in the shipped templates.

    Templates run in a sandbox. An undefined variable in a template is an error. The filter ``quote`` makes one bash
    word.
    """
    found = ImmutableSandboxedEnvironment(
        loader=jinja2.FileSystemLoader([*folders, files.shipped("templates")]),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # bash and TOML, not HTML; values are quoted by the filters
    )
    found.filters["quote"] = shell.quote
    return found
