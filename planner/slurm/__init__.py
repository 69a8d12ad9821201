"""Calls to Slurm's commands. No other part of chromplan calls them."""

from planner.slurm.calls import BRIEF, AnswerLost, SlurmError, Verdict, require, run
from planner.slurm.jobs import (
    ArrayElement,
    ArrayPlace,
    accounting,
    cancel,
    elements,
    find_jobs,
    hold,
    job_details,
    job_state,
    no_accounting,
    placed,
    queued,
    release,
    update,
)
from planner.slurm.nodes import largest_node_mb, usable_nodes
from planner.slurm.options import OptionForm, option_form
from planner.slurm.queue import QueuedJob, memory_so_far, queued_jobs, step_names
from planner.slurm.settings import Settings, hides_jobs_of, read_settings, settings
from planner.slurm.steps import live_steps, signal_step, srun, step_memory
from planner.slurm.submitting import BatchCall, refusal, sbatch, submit, would_start_s

__all__ = [
    "would_start_s",
    "BRIEF",
    "AnswerLost",
    "ArrayElement",
    "ArrayPlace",
    "OptionForm",
    "QueuedJob",
    "Settings",
    "BatchCall",
    "SlurmError",
    "Verdict",
    "accounting",
    "cancel",
    "elements",
    "find_jobs",
    "hides_jobs_of",
    "hold",
    "job_details",
    "job_state",
    "largest_node_mb",
    "live_steps",
    "memory_so_far",
    "no_accounting",
    "option_form",
    "placed",
    "queued",
    "queued_jobs",
    "refusal",
    "release",
    "require",
    "run",
    "sbatch",
    "read_settings",
    "settings",
    "signal_step",
    "srun",
    "step_memory",
    "step_names",
    "submit",
    "update",
    "usable_nodes",
]
