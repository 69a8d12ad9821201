"""sbatch calls for the jobs of a plan, with a rendered script or with the user's own as it was first submitted."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from planner import slurm
from planner.core import files
from planner.core.errors import FailureError
from planner.plan.document import Plan
from planner.scripts.job import Job

# tells sbatch to wait for the end of the job
_WAIT = "SBATCH_WAIT"


def call_of(plan: Plan, job: Job, *, root: Path, options: Sequence[str]) -> slurm.BatchCall:
    """Return the call that submits a job.

    Parameters
    ----------
    root : Path
        The project's folder.
    options : sequence of str
        Further sbatch options.
    """
    script = plan.user_script
    if script is None or not job.is_users:
        path = Path("rounds") / plan.round_name / job.script
        return slurm.BatchCall(script=str(path), cwd=root, options=tuple(options))
    folder = Path(script.folder)
    surroundings = _variables(root / script.environment) if script.environment else None
    content = root / script.content
    if script.script:
        path = _as_submitted(Path(script.path), content)
    else:
        wraps = any(word.startswith("--wrap=") for word in script.words)
        text = None if wraps else os.fsdecode(content.read_bytes())
        return slurm.BatchCall(script=None, stdin=text, cwd=folder, options=tuple(options), surroundings=surroundings)
    as_named = str(path) == script.path
    return slurm.BatchCall(
        script=script.script if as_named else str(path),
        arguments=tuple(script.arguments),
        cwd=folder,
        options=(*options, *([] if as_named else [f"--job-name={script.job_name}"])),
        surroundings=surroundings,
    )


def _as_submitted(path: Path, content: Path) -> Path:
    """Return the user's script if it is unchanged; otherwise a hidden file beside it with the text that was submitted.

    Beside it, because scripts look up their own folder with ``scontrol show job``.
    """
    if _is_read_once(path):
        return content
    wanted = content.read_bytes()
    try:
        if path.read_bytes() == wanted:
            return path
    except OSError:
        pass  # the script was moved or deleted
    beside = hidden_copy(path, wanted)
    try:
        files.write_bytes(beside, wanted, executable=True)
    except OSError:
        return content
    return beside


def _is_read_once(path: Path) -> bool:
    """Whether a script came from a pipe or a file descriptor, where sbatch would find nothing any more."""
    return path.parts[1] in ("dev", "proc") or path.is_fifo()


def hidden_copy(path: Path, content: bytes) -> Path:
    """Return the path that keeps a script's submitted text after its user has changed it."""
    return path.with_name(f".{path.name}.chromplan-{hashlib.sha256(content).hexdigest()[:8]}")


def _variables(path: Path) -> dict[str, str]:
    """Return the environment in which a script was submitted.

    Raises
    ------
    FailureError
        When the file that holds it is missing.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise FailureError(
            f"{path}: {error.strerror}", "it holds the variables of the first submission: submit the script anew"
        ) from None
    pairs = (os.fsdecode(entry).partition("=") for entry in text.split(b"\0") if entry)
    return {name: value for name, _, value in pairs if name != _WAIT}
