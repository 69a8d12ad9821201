"""sbatch's options: their names, short forms and values, parsed as getopt does.

Source: ``sbatch --help`` and the manuals of 22.05 to 26.05.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from planner import slurm
from planner.core.errors import InputError
from planner.slurm import OptionForm

# without a value
_FLAGS = """
consolidate-segments contiguous external help hold ignore-pbs no-requeue overcommit oversubscribe share parsable quiet
reboot spread-job spread-segments stepmgr test-only usage use-min-nodes verbose version wait
"""
# with an optional value, which must be attached: --nice=5
_OPTIONAL = """
exclusive get-user-env nice no-kill oom-kill-step propagate requeue resv-ports
"""
# with a value: --mem=4G or --mem 4G
_VALUED = """
account acctg-freq array bb bbf batch begin chdir cluster-constraint clusters cluster comment constraint container
container-id container-type core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot
dependency distribution error exclude export export-file extra extra-node-info gid gpu-bind gpu-freq gpus
gpus-per-node gpus-per-socket gpus-per-task gres gres-flags hint input job-name kill-on-invalid-dep licenses mail-type
mail-user mcs-label mem mem-bind mem-per-cpu mem-per-gpu mem-update mincpus network nodefile nodelist nodes ntasks
ntasks-per-core ntasks-per-gpu ntasks-per-node ntasks-per-socket open-mode output partition power prefer priority
profile qos reservation resources segment signal sockets-per-node switches tasks tasks-per-node thread-spec
threads-per-core time time-min tmp tres-bind tres-per-task uid wait-all-nodes wckey wrap
"""
_SHORT_FORMS = """
a array A account b begin B extra-node-info c cpus-per-task C constraint d dependency D chdir e error F nodefile G
gpus h help H hold i input J job-name k no-kill L licenses m distribution M clusters n ntasks N nodes o output O
overcommit p partition q qos Q quiet s oversubscribe S core-spec t time v verbose V version w nodelist W wait x
exclude
"""

FLAGS = frozenset(_FLAGS.split())
OPTIONAL = frozenset(_OPTIONAL.split())
VALUED = frozenset(_VALUED.split())
LONG = FLAGS | OPTIONAL | VALUED
_SHORT = dict(zip(_SHORT_FORMS.split()[::2], _SHORT_FORMS.split()[1::2], strict=True))
_ALIASES = {
    "tasks": "ntasks",
    "cluster": "clusters",
    "share": "oversubscribe",
    "tasks-per-node": "ntasks-per-node",
}


# variables of the manual's "INPUT ENVIRONMENT VARIABLES" that are not named after the option
_RENAMED = {
    "ARRAY_INX": "array",
    "MEM_PER_NODE": "mem",
    "TIMELIMIT": "time",
    "CPU_FREQ_REQ": "cpu-freq",
    "REQ_SWITCH": "switches",
    "SEGMENT_SIZE": "segment",
    "BURST_BUFFER": "bb",
}
_NAMED_ALIKE = """
ACCOUNT ACCTG_FREQ BATCH CLUSTERS CLUSTER_CONSTRAINT CONSOLIDATE_SEGMENTS CONSTRAINT CONTAINER CONTAINER_ID
CONTAINER_TYPE CORE_SPEC CPUS_PER_GPU DELAY_BOOT DISTRIBUTION ERROR EXCLUSIVE EXPORT GET_USER_ENV GPUS GPUS_PER_NODE
GPUS_PER_SOCKET GPUS_PER_TASK GPU_BIND GPU_FREQ GRES GRES_FLAGS HINT IGNORE_PBS INPUT JOB_NAME MEM_BIND MEM_PER_CPU
MEM_PER_GPU NETWORK NO_KILL NO_REQUEUE OPEN_MODE OUTPUT OVERCOMMIT PARTITION POWER PROFILE QOS REQUEUE RESERVATION
SIGNAL SPREAD_JOB SPREAD_SEGMENTS THREADS_PER_CORE THREAD_SPEC TRES_BIND TRES_PER_TASK USE_MIN_NODES WAIT
WAIT_ALL_NODES WCKEY
"""
_OF_VARIABLES = {f"SBATCH_{name}": name.lower().replace("_", "-") for name in _NAMED_ALIKE.split()}
_OF_VARIABLES |= {f"SBATCH_{name}": option for name, option in _RENAMED.items()} | {"SLURM_CLUSTERS": "clusters"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option as given.

    Attributes
    ----------
    name : str
        The long name, without dashes.
    value : str or None
        None for an option without one.
    where : str
        For errors: ``impute.sh:7``, or ``the command line``.
    """

    name: str
    value: str | None
    where: str

    def __str__(self) -> str:
        return f"--{self.name}" if self.value is None else f"--{self.name}={self.value}"


def read(words: Sequence[str], *, where: str, script_follows: bool = False) -> tuple[list[Option], list[str]]:
    """Read options as sbatch does, and return them with the words that are left.

    Parameters
    ----------
    script_follows : bool
        Whether the first word that is not an option is the script, and everything after it belongs to that script; in a
        script's own lines such a word is an error.

    Raises
    ------
    InputError
        For an unknown option, a missing or superfluous value, or a stray word.
    """
    found: list[Option] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--" and script_follows:
            break
        if word.startswith("--") and len(word) > 2:
            found.append(_long(word[2:], left, where))
        elif word.startswith("-") and word not in ("-", "--"):
            found += _short(word[1:], left, where)
        elif script_follows:
            left.insert(0, word)
            break
        else:
            raise InputError(
                f"{where}: {word!r} is not an option, and sbatch refuses it",
                "a value with blanks needs quotes; options with an optional value take it with = only",
            )
    return found, left


def from_environment(environment: Mapping[str, str]) -> list[Option]:
    """Return the options that sbatch takes from its environment; they override ``#SBATCH`` lines.

    An empty variable is an empty value, or the flag.
    """
    found = []
    for variable, value in environment.items():
        name = _OF_VARIABLES.get(variable)
        if name:
            flag = name in FLAGS
            found.append(Option(name=name, value=None if flag else value, where=f"the environment ({variable})"))
    return found


def _long(word: str, left: list[str], where: str) -> Option:
    given, equals, value = word.partition("=")
    name, form = _known(given, where)
    if form == "flag":
        if equals:
            raise InputError(f"{where}: --{name} takes no value", f"write --{name} alone")
        return Option(name=_ALIASES.get(name, name), value=None, where=where)
    if not equals and form == "valued":
        if not left:
            raise InputError(f"{where}: --{name} needs a value", f"write --{name}=…")
        return Option(name=_ALIASES.get(name, name), value=left.pop(0), where=where)
    return Option(name=_ALIASES.get(name, name), value=value if equals else None, where=where)


def _known(given: str, where: str) -> tuple[str, OptionForm]:
    """Return the name that an abbreviation stands for, as getopt_long takes it, and how its value is given.

    This machine's sbatch is asked about names that are not in the manuals of 22.05 to 26.05.
    """
    candidates = [given] if given in LONG else sorted(name for name in LONG if name.startswith(given))
    if len(candidates) > 1:
        raise InputError(f"{where}: --{given} is ambiguous", f"write one of {', '.join(candidates)}")
    if candidates:
        (name,) = candidates
        return name, "flag" if name in FLAGS else "optional" if name in OPTIONAL else "valued"
    form = slurm.option_form(given)
    if form is None:
        raise InputError(
            f"{where}: sbatch has no option --{given}",
            "correct it; chromplan's own options come first, before those of sbatch",
        )
    return given, form


def _short(letters: str, left: list[str], where: str) -> list[Option]:
    found: list[Option] = []
    while letters:
        letter, letters = letters[0], letters[1:]
        name = _SHORT.get(letter)
        if name is None:
            raise InputError(f"{where}: sbatch has no option -{letter}", "correct it")
        if name in FLAGS:
            found.append(Option(name=name, value=None, where=where))
            continue
        value: str | None = letters or None
        letters = ""
        if value is None and name in VALUED:
            if not left:
                raise InputError(f"{where}: -{letter} needs a value", f"write -{letter} …")
            value = left.pop(0)
        found.append(Option(name=name, value=value, where=where))
    return found


def last(options: Sequence[Option]) -> Mapping[str, Option]:
    """Return the options by name; the last one counts if an option is given several times."""
    return {option.name: option for option in options}
