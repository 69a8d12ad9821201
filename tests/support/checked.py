"""Rendered scripts, checked as bash and ShellCheck read them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from planner.scripts import render

_SHELLCHECK = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or "shellcheck"


def check(rendered: Mapping[str, str], folder: Path) -> None:
    """Write scripts; fail where bash cannot parse one, or ShellCheck finds fault with one."""
    render.write(dict(rendered), folder)
    paths = [folder / name for name in rendered]
    for path in paths:
        subprocess.run(["bash", "-n", path], check=True)
    done = subprocess.run([_SHELLCHECK, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
