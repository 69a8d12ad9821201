"""The columns of sacct: their names, and valid cells of each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from planner.history.sacct.rows import ENDED, WAITING

# Source: sacct --helpformat of Slurm 17.11 to 26.05
_HELP_FORMAT = """
Account AdminComment AllocCPUS AllocGRES AllocNodes AllocTRES AssocID AveCPU AveCPUFreq AveDiskRead AveDiskWrite
AvePages AveRSS AveVMSize BlockID Cluster Comment Constraints ConsumedEnergy ConsumedEnergyRaw Container CPUTime
CPUTimeRAW DBIndex DerivedExitCode Elapsed ElapsedRaw Eligible End ExitCode Extra FailedNode Flags GID Group JobID
JobIDRaw JobName Layout Licenses MaxDiskRead MaxDiskReadNode MaxDiskReadTask MaxDiskWrite MaxDiskWriteNode
MaxDiskWriteTask MaxPages MaxPagesNode MaxPagesTask MaxRSS MaxRSSNode MaxRSSTask MaxVMSize MaxVMSizeNode MaxVMSizeTask
McsLabel MinCPU MinCPUNode MinCPUTask NCPUS NNodes NodeList NTasks Partition Planned PlannedCPU PlannedCPURAW Priority
QOS QOSRAW QOSREQ Reason ReqCPUFreq ReqCPUFreqGov ReqCPUFreqMax ReqCPUFreqMin ReqCPUS ReqGRES ReqMem ReqNodes ReqTRES
Reservation ReservationId Reserved ResvCPU ResvCPURAW Restarts SegmentSize SLUID Start State StdErr StdIn StdOut
Submit SubmitLine Suspended SystemComment SystemCPU Timelimit TimelimitRaw TotalCPU TRESUsageInAve TRESUsageInMax
TRESUsageInMaxNode TRESUsageInMaxTask TRESUsageInMin TRESUsageInMinNode TRESUsageInMinTask TRESUsageInTot
TRESUsageOutAve TRESUsageOutMax TRESUsageOutMaxNode TRESUsageOutMaxTask TRESUsageOutMin TRESUsageOutMinNode
TRESUsageOutMinTask TRESUsageOutTot UID User UserCPU WCKey WCKeyID WorkDir
"""
NAMES = {name.lower(): name for name in _HELP_FORMAT.split()}
# Text of the user's choice, which can hold anything; a job's name even a line break.
FREE_TEXT = frozenset(
    {
        "JobName",
        "WorkDir",
        "Comment",
        "AdminComment",
        "SystemComment",
        "SubmitLine",
        "Extra",
        "StdErr",
        "StdIn",
        "StdOut",
    }
)

_MEMORY = r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?[BKMGTP]?[nc]?|[0-9]*\?[nc]?"
_INTEGER = r"[0-9]+"
_DURATION = r"(?:[0-9]+-)?[0-9]{1,3}(?::[0-9]{2}){1,2}(?:\.[0-9]+)?|UNLIMITED|Partition_Limit|INVALID"
_INSTANT = r"[0-9]+|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}|Unknown|None"
_ONE_TRES = r"[A-Za-z][\w/:.-]*=(?:[0-9]+(?::[0-9]{2})*(?:\.[0-9]+)?[A-Za-z]?|[\w./-]*)"
_TRES = rf"{_ONE_TRES}(?:,{_ONE_TRES})*"
_STATE = rf"(?:{'|'.join(sorted(ENDED | WAITING))})(?: by [0-9]+)?|CANCELLED\+"
_FORMS = {
    "JobID JobIDRaw": r"[0-9]+(?:_[0-9]+|_\[[^\]]+\]|\+[0-9]+)?(?:\.\w+(?:\+[0-9]+)?)?",
    "State": _STATE,
    "ExitCode DerivedExitCode": r"[0-9]+:[0-9]+",
    "MaxRSS AveRSS ReqMem MaxVMSize AveVMSize": _MEMORY,
    "Elapsed Timelimit CPUTime TotalCPU UserCPU SystemCPU AveCPU MinCPU Suspended Planned Reserved": _DURATION,
    "AllocCPUS NCPUS NNodes AllocNodes NTasks ReqCPUS ElapsedRaw TimelimitRaw CPUTimeRAW UID GID": _INTEGER,
    "Submit Start End Eligible": _INSTANT,
    "AllocTRES ReqTRES TRESUsageInMax TRESUsageInTot TRESUsageInAve TRESUsageOutMax TRESUsageOutTot": _TRES,
    "NodeList": r"(?:[\w.-]|\[[0-9,-]+\])+(?:,(?:[\w.-]|\[[0-9,-]+\])+)*|None assigned",
}
_FORM_OF = {name: re.compile(rf"(?:{form})?") for names, form in _FORMS.items() for name in names.split()}
# Cells that are surely complete: no further character could follow.
_WHOLE = {
    "State": re.compile(r"(?!CANCELLED$)[A-Z_]+"),
    "MaxRSS": re.compile(r"[0-9.]+[KMGTP]"),
    "Elapsed": re.compile(r".*:[0-9]{2}"),
}


def canonical(names: Sequence[str]) -> list[str]:
    """Return the names in sacct's own capitalisation."""
    return [NAMES.get(name.strip().lower(), name.strip()) for name in names]


def fits(name: str, cell: str) -> bool:
    """Whether a column can contain this text."""
    form = _FORM_OF.get(name)
    return form is None or form.fullmatch(cell.strip()) is not None


def is_whole(name: str, cell: str) -> bool:
    """Whether the last cell of a text without a final line end is surely complete."""
    form = _WHOLE.get(name)
    return form is not None and fits(name, cell) and form.fullmatch(cell.strip()) is not None


def rejoined(cells: Sequence[str], columns: Sequence[str], delimiter: str) -> list[str] | None:
    """Rejoin cells that were split at delimiters inside them, such that every column has a valid cell.

    Returns
    -------
    list of str or None
        None when there is no way to do so, or more than one.
    """
    # ways[n]: up to two ways in which the first columns can hold the first n cells
    ways: dict[int, list[list[str]]] = {0: [[]]}
    spare = len(cells) - len(columns)
    for place, name in enumerate(columns):
        longer: dict[int, list[list[str]]] = {}
        for used, found in ways.items():
            for end in range(used + 1, place + 2 + spare):
                cell = delimiter.join(cells[used:end])
                if (end == used + 1 or name in FREE_TEXT or name in _FORM_OF) and fits(name, cell):
                    longer.setdefault(end, []).extend([*way, cell] for way in found)
        ways = {end: found[:2] for end, found in longer.items()}
    whole = ways.get(len(cells), [])
    return whole[0] if len(whole) == 1 else None
