"""What shells, srun, chromplan and the scheduler of Slurm need besides the tasks (measured: Slurm 22.05, Debian 12)."""

from __future__ import annotations

# Slurm counts the shells, srun and time around a task against the same limit; a task's own peak record leaves them out.
# bash and srun held 12 MB in the batch step, the shell and time in the task's step 4 MB.
JOB_SCRIPT_MB = 16
"""In a job of one task."""

# accounting recorded 16, 29, 48, 90 and 133 MB for the batch step with 1, 2, 4, 8 and 12 tasks at once: 11 MB for each
# srun with its helper and subshell, 5 MB for bash; the rest is a reserve for the programs between two tasks. Those of a
# preamble, such as module, run before any task does and have the whole allocation
BATCH_SCRIPT_MB = 16
"""The script of a job of many tasks, besides its sruns."""

SRUN_MB = 12
"""Each waiting srun, with the subshell it waits in."""

# GNU time and the bash that measures around a command, whose own shell is measured with it
STEP_SHELLS_MB = 8
"""In the step of a task, where Slurm counts every process."""

# 'chromplan drive' held 62 MB on a node while it ran 22 tasks (CPython 3.11)
DRIVER_MB = 80
"""The process that drives an allocation, besides its sruns."""


# after one element of an array ended, the next one began with the scheduler's next pass, 0.5 to 2 s later
NEXT_JOB_S = 1.0
"""From the end of a job to the start of the next one on what it held, s."""


def batch_mb(tasks_at_once: int) -> int:
    """Return the memory that the script of a batch and its sruns need, MiB."""
    return BATCH_SCRIPT_MB + SRUN_MB * tasks_at_once


def driver_mb(tasks_at_once: int) -> int:
    """Return the memory that the driver and its sruns need on the driver's node, MiB."""
    return DRIVER_MB + SRUN_MB * tasks_at_once
