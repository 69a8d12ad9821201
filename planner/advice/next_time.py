"""Options for the next submission: for the script's ``#SBATCH`` lines, and as a ``chromplan sbatch`` command."""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass
from posixpath import basename

from planner.advice.arrays import PastArray
from planner.advice.foresight import Foresight
from planner.advice.ways import one_mem_mb
from planner.core.job_ids import format_ranges
from planner.core.margins import TIME_MARGIN
from planner.core.records import Outcome
from planner.core.retry import GROWTH
from planner.core.units import format_duration, format_mem
from planner.scripts.given import given_words

_TIME_STEP_S = 300
_SAME_TIME = 0.8
_ROUND = re.compile(r"(^|/)rounds/r\d+/")
_SCRIPT_ENDINGS = (".sh", ".bash", ".sbatch", ".slurm", ".job", ".batch", ".py", ".R", ".pl")


@dataclass(frozen=True, kw_only=True)
class NextTime:
    """What to ask for.

    Attributes
    ----------
    directives : tuple of str
        ``#SBATCH`` lines.
    own_mb : (int, int) or None
        Smallest and largest request where each element has its own, MiB.
    sbatch : str
        The command that does that; empty where chromplan cannot.
    folder : str
        Where to type it; empty when it is not known.
    why : str
        What is to be known of the command, or why there is none; may be empty.
    """

    directives: tuple[str, ...]
    own_mb: tuple[int, int] | None
    sbatch: str
    folder: str
    why: str


def next_time(array: PastArray, foresight: Foresight) -> NextTime | None:
    """Return what to ask for next time; None when nothing is known of the memory."""
    largest = one_mem_mb(array.elements)
    if largest is None:
        return None
    command, why = _command(array)
    if not any(one.measured or one.killed for one in array.elements):
        why = "; ".join(filter(None, ("nothing ran to its end, so it may need more", why)))
    return NextTime(
        directives=(f"#SBATCH {_memory_option(array, largest)}", *_time_directive(array)),
        own_mb=foresight.own_mb,
        sbatch=command,
        folder=next((one.work_dir for one in array.attempts if one.work_dir), ""),
        why=why,
    )


def _memory_option(array: PastArray, total_mb: int) -> str:
    """Return ``--mem``, which counts for each node, or ``--mem-per-cpu`` where memory was asked for that way."""
    widest = array.elements[0].last
    words = next((one.submit_line for one in array.attempts if one.submit_line), "")
    if widest.per_cpu or "--mem-per-cpu" in words:
        return f"--mem-per-cpu={format_mem(_rounded(total_mb / max(widest.cpus, 1)))}"
    return f"--mem={format_mem(_rounded(total_mb / max(len(widest.nodes), 1)))}"


def _rounded(mb: float) -> int:
    """Return a number that can be remembered, not below."""
    step = 10 if mb < 1000 else 100
    return step * math.ceil(mb / step)


def _time_directive(array: PastArray) -> tuple[str, ...]:
    """Return a time limit where the one that was given is much too long, or was too short."""
    walls = [one.wall_s for one in array.attempts if one.outcome is Outcome.COMPLETED and one.wall_s]
    limits = [one.time_limit_s for one in array.attempts if one.time_limit_s and math.isfinite(one.time_limit_s)]
    too_short = [one.time_limit_s or 0.0 for one in array.attempts if one.outcome is Outcome.TIMEOUT]
    wanted = max([TIME_MARGIN * wall for wall in walls] + [GROWTH * limit for limit in too_short], default=0.0)
    wanted = _TIME_STEP_S * math.ceil(wanted / _TIME_STEP_S)
    if not wanted or not limits or (not too_short and wanted > _SAME_TIME * max(limits)):
        return ()
    return (f"#SBATCH --time={format_duration(wanted)}",)


def _command(array: PastArray) -> tuple[str, str]:
    """Return the ``chromplan sbatch`` line, and what is to be known of it."""
    if array.kind == "het job":
        return "", "a heterogeneous job is not for 'chromplan sbatch': give each component its own --mem"
    words = array.submit_line.split()
    if words and basename(words[0]) != "sbatch":
        return "", f"it was started by {basename(words[0])}: 'chromplan sbatch' takes batch scripts"
    if any(_ROUND.search(word) for word in words):
        return "", "it is one of a project's rounds: the next 'chromplan plan' there sizes it anew"
    words = given_words(words)
    if words and not any(word.startswith("--wrap") for word in words):
        # Slurm keeps the words without the quotes that were around them
        return shlex.join(["chromplan", "sbatch", *words[1:]]), ""
    indices = [f"--array={format_ranges(array.indices)}"] if array.indices else []
    script = array.name if array.name.endswith(_SCRIPT_ENDINGS) else "SCRIPT"
    why = "" if script != "SCRIPT" else "put your script, and its arguments, in the place of SCRIPT"
    return shlex.join(["chromplan", "sbatch", *indices, script]), why
