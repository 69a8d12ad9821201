"""The part of the user's environment that Slurm's commands see.

sbatch ranks ``SBATCH_*`` above the ``#SBATCH`` lines of a script, squeue shows fewer rows under ``SQUEUE_STATES``, and
so on: each of Slurm's commands takes options from variables named after it, and all of them from ``SLURM_*``.
"""

from __future__ import annotations

from collections.abc import Mapping

# "INPUT ENVIRONMENT VARIABLES" and "ENVIRONMENT VARIABLES" in the manuals of 22.05 to 26.05
_OF_COMMANDS = ("SBATCH_", "SCANCEL_", "SCONTROL_", "SINFO_", "SACCT_", "SQUEUE_", "SRUN_", "SSTAT_", "SALLOC_")
_OF_ALL = ("SLURM_", "SLURMD_")
# where the controller is and who is asking: without these no command works
CONNECTION = ("SLURM_CONF", "SLURM_CONF_SERVER", "SLURM_JWT", "SLURM_SACK_JWKS", "SLURM_SACK_KEY", "SLURM_SACK_SOCKET")

# Options that srun reads from SLURM_* in the manuals of 22.05 to 26.05, except those that tell a step about its job:
# they say where it runs, and our command lines give the rest (memory, cores, name).
_STEP_OPTIONS = """
ACCOUNT ACCTG_FREQ BCAST BCAST_EXCLUDE BURST_BUFFER CLUSTERS COMPRESS CONSTRAINT CORE_SPEC CPUS_PER_GPU CPU_BIND
CPU_FREQ_REQ DEBUG DEBUG_FLAGS DELAY_BOOT DEPENDENCY DISABLE_STATUS DISTRIBUTION DIST_PLANESIZE EPILOG EXACT EXCLUSIVE
EXIT_ERROR EXIT_IMMEDIATE EXPORT_ENV GPUS GPUS_PER_NODE GPUS_PER_TASK GPU_BIND GPU_FREQ GRES GRES_FLAGS HINT HOSTFILE
IMMEDIATE KILL_BAD_EXIT LABELIO MEM_BIND MEM_PER_CPU MEM_PER_GPU MEM_PER_NODE MPI_TYPE NETWORK NO_KILL NTASKS_PER_CORE
NTASKS_PER_GPU NTASKS_PER_NODE NTASKS_PER_SOCKET NTASKS_PER_TRES OOMKILLSTEP OPEN_MODE OVERCOMMIT OVERLAP PARTITION
POWER PROFILE PROLOG QOS REMOTE_CWD REQ_SWITCH RESERVATION RESV_PORTS SEND_LIBS SIGNAL SPREAD_JOB
SRUN_REDUCE_TASK_EXIT_MSG STDERRMODE STDINMODE STDOUTMODE STEP_GRES STEP_KILLED_MSG_NODE_ID TASK_EPILOG TASK_PROLOG
TEST_EXEC THREADS THREADS_PER_CORE THREAD_SPEC TIMELIMIT TRES_BIND TRES_PER_TASK UMASK UNBUFFEREDIO USE_MIN_NODES WAIT
WAIT4SWITCH WCKEY WORKING_DIR
"""
_OF_STEPS = {f"SLURM_{name}" for name in _STEP_OPTIONS.split()} | {"SLURMD_DEBUG"}


def without_options(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without variables that Slurm's commands would read as options."""
    return {name: value for name, value in environment.items() if not is_option(name)}


def for_a_step(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for an srun inside an allocation: the job's own variables stay, options are removed."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _OF_STEPS and not name.startswith(_OF_COMMANDS)
    }


def is_option(name: str) -> bool:
    """Whether one of Slurm's commands may read a variable of this name as an option."""
    return name.startswith(_OF_COMMANDS + _OF_ALL) and name not in CONNECTION
