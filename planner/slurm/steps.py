"""Starting, watching and signalling the steps of an allocation.

The driver polls, so failed calls are not retried here; retries would keep it from watching its tasks.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from planner.core import units
from planner.slurm import rows
from planner.slurm.calls import ONCE, SlurmError, missing, run
from planner.slurm.environment import for_a_step
from planner.slurm.jobs import GONE, unless_gone

# a signal that did not arrive is sent again after this long, s
_PAUSES_S = (0.3, 1.0, 2.0)


def live_steps(job_id: str) -> dict[str, str]:
    """Return step id -> name of a job's running steps; empty for a job that slurmctld has forgotten."""
    printed = unless_gone(["squeue", "--noheader", "--steps", f"--jobs={job_id}", "--format=%i|%j"], patience=ONCE)
    return dict(rows.about_jobs(printed, 2))


def step_memory(job_id: str) -> dict[str, tuple[float, float]]:
    """Return step id -> current and peak resident memory (as sampled by Slurm), MiB, of the running steps."""
    argv = ["sstat", "--allsteps", "--noheader", "--parsable2", "--noconvert", f"--jobs={job_id}"]
    found: dict[str, tuple[float, float]] = {}
    printed = run([*argv, "--format=JobID,AveRSS,MaxRSS"], patience=ONCE)
    for step, now, most in rows.about_jobs(printed, 3):
        # without a suffix these are bytes
        found[step] = tuple((units.parse_mem_mb(text, default_unit="B") or 0.0) for text in (now, most))  # type: ignore[assignment]
    return found


def signal_step(step: str, name: str) -> None:
    """Send a signal to a step (``12.3``); a step that has already ended is not an error.

    For a step that ends at that moment, which may take long on a busy node, scancel says
    ``Kill job error on job step id 12.3: No error``.
    """
    argv = ["scancel", f"--signal={name}", step]
    for pause_s in (*_PAUSES_S, None):
        try:
            unless_gone(argv, signs=(GONE, "already completing or completed"), patience=ONCE)
        except SlurmError as error:
            if step in live_steps(step.partition(".")[0]):
                if pause_s is not None:
                    time.sleep(pause_s)
                    continue
                if "No error" not in error.said:
                    raise
        return


def srun(
    argv: Sequence[str], *, cwd: Path, environment: Mapping[str, str], stderr: IO[bytes]
) -> subprocess.Popen[bytes]:
    """Start a step and return its srun process, which ends with the step; Ctrl-C in the terminal does not reach it."""
    try:
        return subprocess.Popen(
            ["srun", "--export=ALL", *argv],
            cwd=cwd,
            env=for_a_step(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise missing("srun") from None
