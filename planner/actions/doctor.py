"""The facts of `chromplan doctor` about a cluster and this machine, which `findings` judges."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from planner import slurm
from planner.actions.findings import Circumstances, Finding, findings
from planner.core.errors import FailureError
from planner.project import lock
from planner.runner import peak
from planner.site.facts import read
from planner.slurm.environment import is_option

# what is looked at in 'chromplan doctor --try': a job that never runs
_TRIAL = "#!/bin/bash\n#SBATCH --job-name=chromplan-doctor\n#SBATCH --output=/dev/null\nexit 0\n"


def examine(folder: Path, *, trial: Sequence[str] | None = None) -> list[Finding]:
    """Return what matters about this cluster and this machine.

    Parameters
    ----------
    folder : Path
        Of the project, or where one is to be.
    trial : sequence of str, optional
        sbatch options of a held job of our own, which is changed and cancelled to see whether the site allows that.
        Without them nothing is submitted.
    """
    return findings(_look(folder, trial))


def _look(folder: Path, trial: Sequence[str] | None) -> Circumstances:
    variables = tuple(sorted(name for name in os.environ if is_option(name) and "SLURM_JOB_ID" not in os.environ))
    seen: dict[str, object] = {
        "variables": variables,
        "own_defaults": (Path.home() / ".slurm" / "defaults").exists(),
        "bash": _bash(),
        "flock": _knows_flock(folder),
        "gnu_time": os.access(peak.TIME, os.X_OK),
    }
    if shutil.which("sbatch") is None:
        return Circumstances(slurm=None, **seen)  # type: ignore[arg-type]
    seen |= {"slurm": _said(["sbatch", "--version"])[0] or "of unknown version"}
    config, seen["silent"] = _said(["scontrol", "show", "config"])
    seen["config"] = read(config).config
    _, seen["sacct_failed"] = _said(["sacct", "-n", "-X", "-S", "now-1minutes"])
    if trial is not None and not seen["silent"]:
        seen["update_refused"] = _try_update(folder, trial)
    return Circumstances(**seen)  # type: ignore[arg-type]


def _said(argv: Sequence[str]) -> tuple[str, str]:
    """Return what a command printed, and why it failed, one of them empty."""
    try:
        return slurm.run(argv), ""
    except FailureError as error:
        return "", error.message.splitlines()[0]


def _try_update(folder: Path, options: Sequence[str]) -> str:
    """Change the memory of a held job of our own, and cancel it; return what was said against it."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".chromplan-doctor.") as own:
        script = Path(own) / "held.sh"
        script.write_text(_TRIAL)
        try:
            job_id = slurm.sbatch(
                script, cwd=folder, options=["--hold", "--mem=100M", "--time=1", "--array=0", *options]
            )
        except FailureError as error:
            return f"not tried: {error.message.splitlines()[0]}"
    try:
        slurm.update([f"update JobId={job_id}_0 MinMemoryNode=101"])
        given = slurm.elements([job_id])
        mem_mb = given[f"{job_id}_0"].mem_mb if f"{job_id}_0" in given else None
    except FailureError as error:
        return error.message.splitlines()[0]
    else:
        return "" if mem_mb == 101 else f"the memory stayed {mem_mb} MB"
    finally:
        slurm.cancel(job_id)


def _bash() -> tuple[int, int] | None:
    """Return the version of the bash that the scripts name."""
    try:
        done = subprocess.run(["/bin/bash", "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    number = re.search(r"version (\d+)\.(\d+)", done.stdout)
    return (int(number[1]), int(number[2])) if number else None


def _knows_flock(folder: Path) -> bool:
    """Whether the file system of a folder has locks; where nothing can be written the question is open."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in lock.NO_FLOCK
    return True
