"""Slurm's mail about a round: from its jobs, or one from the job that goes on with the next round.

The jobs get these options on sbatch's command line. In a script they could not be taken back: sbatch adds the events
of its command line to those of the script.
"""

from __future__ import annotations

from planner.plan.document import Plan

_ENDS = ("END", "FAIL")
# Source: man sbatch, Slurm 22.05 to 26.05
_ALL = ("BEGIN", "END", "FAIL", "INVALID_DEPEND", "REQUEUE", "STAGE_OUT")


def of_jobs(plan: Plan, *, then_next: bool) -> list[str]:
    """Return the sbatch options of a round's jobs.

    With ``then_next`` only the job that goes on tells how the round ended; except if mail is not asked for at the end,
    since that job then has none either, and if it is asked for of each element (``ARRAY_TASKS``).
    """
    words = _events(plan)
    if then_next and "END" in words and "ARRAY_TASKS" not in words:
        words = [word for word in words if word not in _ENDS]
    return _options(plan, words)


def of_follow_up(plan: Plan) -> list[str]:
    """Return the sbatch options of the job that goes on: it writes at its end, its other events concern nobody."""
    return _options(plan, [word for word in _events(plan) if word in _ENDS])


def _events(plan: Plan) -> list[str]:
    asked = (plan.target.mail_type or "NONE").split(",")
    return [*dict.fromkeys(one for word in asked for one in (_ALL if word == "ALL" else (word,)) if one != "NONE")]


def _options(plan: Plan, words: list[str]) -> list[str]:
    whom = [f"--mail-user={plan.target.mail_user}"] if plan.target.mail_user else []
    return [f"--mail-type={','.join(words)}", *whom] if words else []
