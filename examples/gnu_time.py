"""What a command used, as GNU time counts it: for the scripts that measure tools."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path


def measured(
    argv: Sequence[str], folder: Path | None = None
) -> tuple[dict[str, float], subprocess.CompletedProcess[str]]:
    """Run a command once; return exit code, peak (MiB) and times (s), and what it printed."""
    start = time.monotonic()
    done = subprocess.run(
        ["/usr/bin/time", "-f", "%M %U %S", *argv], cwd=folder, capture_output=True, text=True, check=False
    )
    peak, user, system = re.findall(r"^(\d+) ([\d.]+) ([\d.]+)$", done.stderr, re.MULTILINE)[-1]
    used = {
        "exit_code": done.returncode,
        "peak_rss_mb": round(int(peak) / 1024, 1),
        "wall_s": round(time.monotonic() - start, 2),
        "cpu_s": round(float(user) + float(system), 2),
    }
    return used, done
