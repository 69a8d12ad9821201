"""The only caller of Slurm's commands."""

from planner.slurm.calls import BRIEF, AnswerLost, SlurmError, Verdict, require, run
from planner.slurm.jobs import (
    ArrayElement,
    ArrayPlace,
    BatchCall,
    accounting,
    cancel,
    elements,
    find_jobs,
    job_details,
    job_state,
    no_accounting,
    placed,
    queued,
    refusal,
    release,
    sbatch,
    submit,
    update,
    would_start_s,
)
from planner.slurm.nodes import largest_node_mb, usable_nodes
from planner.slurm.options import OptionForm, option_form
from planner.slurm.queue import QueuedJob, memory_so_far, queued_jobs, step_names
from planner.slurm.settings import Settings, settings
from planner.slurm.steps import live_steps, signal_step, srun, step_memory

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
    "settings",
    "signal_step",
    "srun",
    "step_memory",
    "step_names",
    "submit",
    "update",
    "usable_nodes",
]
