"""Why a job is pending: Slurm's reason in words, and whether the job will start without intervention."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Wait:
    """Why a job has not started.

    Attributes
    ----------
    reason : str
        As ``squeue`` prints it.
    words : str
    stuck : bool
        Whether it never starts unless somebody acts.
    """

    reason: str
    words: str
    stuck: bool


# How a reason starts -> what it means. From squeue's manual and slurm_job_reason_string (22.05 to 26.05).
_COMES = (
    ("None", "the scheduler has not looked at it yet"),
    ("Priority", "other jobs come first"),
    ("Resources", "no node has room yet"),
    ("JobArrayTaskLimit", "its array already runs as many elements as it may"),
    ("Dependency", "another job must end first"),
    ("BeginTime", "starts at a set time, or soon after a requeue"),
    ("Licenses", "no license is free"),
    ("Reservation", "its reservation has not begun"),
    ("Cleaning", "its last attempt is being cleaned up"),
    ("Prolog", "its node is being prepared"),
    ("SchedDefer", "the scheduler is putting it off"),
    ("PartitionDown", "its partition is down"),
    ("PartitionInactive", "its partition is closed for now"),
    ("ReqNodeNotAvail", "the nodes that it needs are down or reserved"),
    ("Nodes required for job are DOWN", "the nodes that it needs are down, drained or reserved"),
    ("NodeDown", "its node is down"),
    ("FrontEndDown", "the front end is down"),
    ("AssocGrp", "a limit of the account is reached"),
    ("AssocMax", "a limit of the account is reached"),
    ("QOSGrp", "a limit of the QOS is reached"),
    ("QOSMax", "a limit of the QOS is reached"),
    ("QOS", "a limit of the QOS is reached"),
    ("MaxJobs", "as many jobs as you may have run already"),
    ("SystemFailure", "Slurm, the file system or the network failed"),
)
DEPENDENCY_NEVER = "DependencyNeverSatisfied"
"""The reason of a job that waits for one that failed: Slurm cancels it, or holds it forever."""

_STUCK = (
    ("JobHeldUser", "held"),
    ("JobHeldAdmin", "held by an administrator"),
    (DEPENDENCY_NEVER, "the job that it depends on did not complete"),
    ("launch failed requeued held", "could not be launched, and is held"),
    ("user env retrieval failed", "could not be launched (no login environment), and is held"),
    ("job requeued in held state", "requeued and held"),
    ("MaxRequeue", "requeued too often, and is held"),
    ("JobHoldMaxRequeue", "requeued too often, and is held"),
    ("BadConstraints", "no node has what it asks for"),
    ("PartitionTimeLimit", "its time limit is longer than its partition allows"),
    ("PartitionNodeLimit", "asks for more, or fewer, nodes than its partition allows"),
    ("DeadLine", "it cannot end before its deadline"),
    ("InvalidAccount", "its account is not valid"),
    ("InvalidQOS", "its QOS is not valid"),
    ("AccountNotAllowed", "its account may not use this partition"),
    ("QOSNotAllowed", "its QOS is not allowed here"),
    ("AssocMaxCpuPerJobLimit", "it asks for more CPUs than a job of the account may have"),
    ("AssocMaxMemPerJob", "it asks for more memory than a job of the account may have"),
    ("AssocMaxWallDurationPerJobLimit", "its time limit is longer than the account's"),
    ("QOSMaxCpuPerJobLimit", "it asks for more CPUs than a job of the QOS may have"),
    ("QOSMaxMemoryPerJob", "it asks for more memory than a job of the QOS may have"),
    ("QOSMaxWallDurationPerJobLimit", "its time limit is longer than the QOS's"),
    ("QOSTimeLimit", "its time limit is longer than the QOS's"),
    ("ReservationDeleted", "its reservation is gone"),
)


def explain(reason: str) -> Wait:
    """Return the meaning of a reason that ``squeue`` prints (``%r``)."""
    reason = " ".join(reason.split()).strip("()")
    for start, words in _STUCK:
        if reason.startswith(start):
            return Wait(reason=reason, words=words, stuck=True)
    held = reason.endswith(" held")
    for start, words in _COMES:
        if reason.startswith(start) and not held:
            return Wait(reason=reason, words=words, stuck=False)
    return Wait(reason=reason, words=reason, stuck=held)
