"""A private Slurm cluster on loopback, for tests and for trying things by hand.

Munge, MariaDB, slurmdbd, slurmctld and one slurmd per (virtual) node run in a directory of their own under /tmp, on
free ports, as whoever starts them. Two flavours of memory enforcement:

``omk``
    jobacct_gather/linux with OverMemoryKill: Slurm polls once a second and kills what is above its limit. Works for
    every user.
``cgroup``
    task/cgroup with ConstrainRAMSpace: the kernel kills. Needs root and a writable memory controller.

By hand::

    python tests/cluster/cluster.py up                 # prints the two lines to paste
    eval "$(python tests/cluster/cluster.py env)"      # then sbatch, sacct, chromplan …
    python tests/cluster/cluster.py run chromplan plan # as the ordinary user that submits in tests
    python tests/cluster/cluster.py down
"""

from __future__ import annotations

import argparse
import getpass
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parent))  # the siblings, however this file is started

import slurm_person as people
import slurm_processes as processes
from slurm_accounting import Accounting

from planner.core import units

if TYPE_CHECKING:
    from coverage import Coverage

FLAVOURS = ("omk", "cgroup")
PROGRAMS = (
    *("munged", "munge", "mariadbd", "mariadb", "mariadb-admin", "mariadb-install-db", "setpriv"),
    *(
        "slurmdbd",
        "slurmctld",
        "slurmd",
        "sbatch",
        "srun",
        "squeue",
        "sacct",
        "sinfo",
        "scontrol",
        "scancel",
        "sacctmgr",
    ),
)
CGROUPS = Path("/sys/fs/cgroup")
_numbers = count(1)

_SLURM_CONF = """\
ClusterName={name}
SlurmctldHost=localhost
SlurmUser={me}
SlurmdUser={me}
SlurmctldPort={port}
StateSaveLocation={home}/state
SlurmdSpoolDir={home}/spool/%n
SlurmctldPidFile={home}/slurmctld.pid
SlurmdPidFile={home}/slurmd-%n.pid
SlurmctldLogFile={home}/logs/slurmctld.log
SlurmdLogFile={home}/logs/slurmd-%n.log
{accounting}
{memory}
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=8
SchedulerType=sched/{scheduler}
SchedulerParameters=bf_interval=1,bf_resolution=1,sched_interval=1,sched_min_interval=0
PriorityType=priority/{priority}
{extra}
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""

_MEMORY = {
    "omk": """\
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill""",
    "cgroup": """\
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/cgroup
JobAcctGatherFrequency=1""",
}


@dataclass(frozen=True, kw_only=True)
class Node:
    """One virtual node; its sizes need not exist on this machine, nor its two GPUs."""

    cpus: int
    mem_mb: int
    has_gpus: bool = False


_NO_BRACKETS = str.maketrans("", "", "[]")


class Cluster:
    """A Slurm cluster of its own.

    Parameters
    ----------
    flavour
        ``omk`` or ``cgroup``, see above.
    nodes
        Sizes of the nodes n1, n2, ...
    scheduler, priority
        ``backfill`` or ``builtin``; ``basic`` or ``multifactor``.
    extra
        More lines for slurm.conf (partitions, limits, plugins).
    job_submit_lua
        Text of a job_submit.lua; the lua plugin is switched on.
    accounting
        Accounting shared with other clusters; by default a private one.
    keep
        Live on when the starting process ends.

    Attributes
    ----------
    node_names
        The nodes' names. ``n1``, ``n2`` under ``omk``; under ``cgroup`` the port goes in front, because the kernel's
        tree of control groups is one for the whole machine and another cluster's ``n1`` would share its groups.
    person
        Who submits.
    accounting
        Munge, MariaDB and slurmdbd; ``with cluster.accounting.down():`` is a day of maintenance.
    """

    def __init__(
        self,
        *,
        flavour: str = "omk",
        nodes: Sequence[Node] = (Node(cpus=8, mem_mb=8000), Node(cpus=8, mem_mb=4000)),
        scheduler: str = "backfill",
        priority: str = "basic",
        extra: str = "",
        job_submit_lua: str | None = None,
        accounting: Accounting | None = None,
        keep: bool = False,
    ) -> None:
        self.flavour = flavour
        self.nodes = tuple(nodes)
        self.scheduler, self.priority = scheduler, priority
        self.extra, self.job_submit_lua = extra, job_submit_lua
        self.keep = keep
        self._shared_accounting = accounting
        self._started = False

    def start(self) -> Cluster:
        """Bring everything up and wait until the nodes are idle."""
        self.home = processes.make_home(keep=self.keep)
        self.programs = processes.Programs(self.home, keep=self.keep)
        self.accounting = self._shared_accounting or Accounting(self.home, self.programs)
        try:
            self.person = people.install(self.home)
            if self._shared_accounting is None:
                self.accounting.start()
            self._configure()
            self._start_daemons()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Cancel what runs, stop the daemons, remove the directory; the logs go with it."""
        if self._started:
            self.cancel_all()
        self.programs.stop(["slurmctld", *(f"slurmd-{name}" for name in getattr(self, "node_names", ()))])
        if self._shared_accounting is None:
            self.accounting.stop()
        self._collect_coverage()
        processes.remove_home(self.home)

    def environment(self) -> dict[str, str]:
        """Return the whole environment of the submitting user."""
        measured = {"COVERAGE_PROCESS_START": str(self.home / "coverage" / "rc")} if _coverage_run() else {}
        return {
            "LANG": "C.UTF-8",
            "USER": self.person.name,
            "SLURM_CONF": str(self.home / "slurm.conf"),
            **measured,
            **self.person.environment,
        }

    def run(
        self,
        argv: Sequence[str | Path],
        *,
        cwd: str | Path | None = None,
        env: Mapping[str, str] | None = None,
        check: bool = True,
        timeout_s: float = 600.0,
        stdin: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as the ordinary user; a failure under `check` shows everything it wrote."""
        done: subprocess.CompletedProcess[str] = subprocess.run(
            [str(word) for word in argv],
            cwd=cwd or self.person.environment["HOME"],
            env={**self.environment(), **(env or {})},
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=timeout_s,
            check=False,
            **self.person.switch,  # type: ignore[call-overload]
        )
        if check and done.returncode:
            command = shlex.join(str(word) for word in argv)
            raise RuntimeError(f"{command}: exit {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def user_dir(self, name: str = "work") -> Path:
        """Make a new, empty work directory that the ordinary user owns and everybody can reach."""
        return people.make_directory(self.home, self.person, name)

    def sbatch(self, script: str, *options: str, cwd: Path | None = None) -> str:
        """Submit a bash script and return the job's id."""
        directory = cwd or self.user_dir("job")
        text = script if script.startswith("#!") else f"#!/bin/bash\n{script}\n"
        done = self.run(["sbatch", "--parsable", *options], cwd=directory, stdin=text)
        return done.stdout.strip().split(";")[0]

    def wait(self, *job_ids: str, timeout_s: float = 60.0) -> None:
        """Wait until jobs have left the queue and accounting knows how they ended.

        Name the elements of an array one by one: accounting learns of them one by one.
        """
        ids = ",".join(job_ids)

        def over() -> bool:
            left = self.run(["squeue", "-h", "-j", ids, "-o", "%T"], check=False).stdout.split()
            if set(left) - {"COMPLETED", "FAILED", "CANCELLED", "OUT_OF_MEMORY", "TIMEOUT"}:
                return False
            rows = self.sacct(*job_ids, fields=("JobID", "State", "End"))
            # the one element left of an array that never began is 12_[3], and found only by the array
            rows += [
                {**row, "JobID": row["JobID"].translate(_NO_BRACKETS)}
                for row in self.sacct(*{one.partition("_")[0] for one in job_ids}, fields=("JobID", "State", "End"))
                if row["JobID"].endswith("]") and row["JobID"].translate(_NO_BRACKETS) in job_ids
            ]
            ended = {row["JobID"] for row in rows if row["End"] not in ("Unknown", "")}
            # 26.05 never tells accounting of an element whose dependency cannot be met any more
            argv = ["squeue", "-h", "-r", "-t", "CANCELLED", "-j", ids, "-o", "%i %r"]
            printed = self.run(argv, check=False).stdout.splitlines()
            never_began = {line.split()[0] for line in printed if line.endswith("DependencyNeverSatisfied")}
            return (ended | never_began).issuperset(job_ids) and len(ended) == len({row["JobID"] for row in rows})

        try:
            processes.wait_until(over, f"jobs {ids}", timeout_s=timeout_s, pause_s=0.2)
        except processes.StartError as error:
            there = self.run(["squeue", "-h", "-r", "-j", ids, "-o", "%i %T %r"], check=False)
            rows = self.sacct(*job_ids, fields=("JobID", "State", "Start", "End", "Reason"))
            known = "\n".join(" ".join(row.values()) for row in rows)
            raise processes.StartError(f"{error}; squeue:\n{there.stdout}{there.stderr}sacct:\n{known}") from None

    def sacct(self, *job_ids: str, fields: Sequence[str]) -> list[dict[str, str]]:
        """Return sacct's rows, steps included, one dict per row."""
        argv = ["sacct", "-n", "-P", "-D", "--units=K", "--delimiter=\x1f", "-j", ",".join(job_ids)]
        rows: list[dict[str, str]] = []
        text = ""
        for line in self.run([*argv, "-o", ",".join(fields)]).stdout.splitlines(keepends=True):
            text += line  # a name may hold newlines
            if text.count("\x1f") == len(fields) - 1:
                rows.append(dict(zip(fields, text.removesuffix("\n").split("\x1f"), strict=True)))
                text = ""
        return rows

    def asked_mb(self) -> dict[str, float | None]:
        """Return the memory that each job or element asks for, MiB, by its id: of those that slurmctld remembers.

        Accounting may hold no ReqMem of a job that ended as soon as it began.
        """
        argv = ["squeue", "--noheader", "--noconvert", "--states=all", "--array", "--format=%i|%m"]
        lines = self.run(argv).stdout.split()
        return {job_id: units.parse_mem_mb(asked) for job_id, asked in (line.split("|") for line in lines)}

    def cancel_all(self) -> None:
        """Cancel every job and wait until none is left."""
        ids = self._queue()
        if ids:
            self._ask(["scancel", *ids])
            processes.wait_until(lambda: not self._queue(), "cancelled jobs to end", timeout_s=20.0)

    def wait_until_idle(self, timeout_s: float = 300.0) -> None:
        """Wait until the queue is empty; what was requeued does not wait for Slurm's two minutes."""

        def idle() -> bool:
            rows = self._ask(["squeue", "-h", "-r", "-o", "%i %r"]).stdout.splitlines()
            for job_id, reason in (row.split(maxsplit=1) for row in rows):
                if reason == "BeginTime":
                    self._ask(["scontrol", "update", f"JobId={job_id}", "StartTime=now"])
            return not rows

        try:
            processes.wait_until(idle, "all jobs to end", timeout_s=timeout_s, pause_s=1.0)
        except processes.StartError as error:
            seen = [
                self._ask(argv).stdout for argv in (["squeue", "-r", "-o", "%i %j %T %r %V"], ["sinfo", "-N", "-R"])
            ]
            raise processes.StartError(f"{error}\n{''.join(seen)}") from None

    def administrate(self, *argv: str) -> None:
        """Run a Slurm command as the one who runs the daemons."""
        done = self._ask(list(argv))
        if done.returncode:
            raise RuntimeError(f"{shlex.join(argv)}: {done.stderr}")

    def _queue(self) -> list[str]:
        states = "PENDING,RUNNING,SUSPENDED,COMPLETING,CONFIGURING"
        return sorted(set(self._ask(["squeue", "-h", "-r", "-t", states, "-o", "%i"]).stdout.split()))

    def _ask(self, argv: list[str]) -> subprocess.CompletedProcess[str]:
        """Run a Slurm command as the one who runs the daemons."""
        env = {"PATH": processes.SYSTEM_PATH, "SLURM_CONF": str(self.home / "slurm.conf")}
        return subprocess.run(argv, env=env, capture_output=True, text=True, check=False)

    def _configure(self) -> None:
        ports = processes.free_ports(1 + len(self.nodes))
        self.name = f"chromplan{os.getpid()}x{next(_numbers)}"
        prefix = f"p{ports[0]}n" if self.flavour == "cgroup" else "n"
        self.node_names = tuple(f"{prefix}{number}" for number in range(1, len(self.nodes) + 1))
        extra = self.extra
        if self.job_submit_lua is not None:
            (self.home / "job_submit.lua").write_text(self.job_submit_lua)
            extra += "\nJobSubmitPlugins=lua"
        if any(node.has_gpus for node in self.nodes):
            # any device will do: what Slurm hands out is its number
            (self.home / "gres.conf").write_text("Name=gpu File=/dev/null\nName=gpu File=/dev/zero\n")
            extra += "\nGresTypes=gpu"
        nodes = [
            f"NodeName={name} NodeHostname=localhost NodeAddr=127.0.0.1 Port={port}"
            f" CPUs={node.cpus} RealMemory={node.mem_mb}{' Gres=gpu:2' if node.has_gpus else ''}"
            for name, port, node in zip(self.node_names, ports[1:], self.nodes, strict=True)
        ]
        text = _SLURM_CONF.format(
            name=self.name,
            me=getpass.getuser(),
            port=ports[0],
            home=self.home,
            accounting=self.accounting.client_settings(),
            memory=_MEMORY[self.flavour],
            scheduler=self.scheduler,
            priority=self.priority,
            extra=extra,
            nodes="\n".join(nodes),
        )
        (self.home / "slurm.conf").write_text(text)
        self._configure_cgroups()
        for directory in ("state", "spool", "coverage"):
            (self.home / directory).mkdir()
        # the submitting user cannot write beside the checkout: its commands are measured here and collected at the end
        (self.home / "coverage").chmod(0o1777)
        (self.home / "coverage" / "rc").write_text(
            f"[run]\ndata_file={self.home}/coverage/.coverage\nbranch=true\nparallel=true\nsigterm=true\nsource_pkgs=planner\n"
        )

    def _configure_cgroups(self) -> None:
        """Write cgroup.conf, and note which control groups to remove at the end."""
        if self.flavour == "omk":
            # from 24.05 slurmd wants a control group tree unless told that there is none; before, it knows no such word
            if slurm_version() >= (24, 5):
                (self.home / "cgroup.conf").write_text("CgroupPlugin=disabled\n")
            return
        version, _ = cgroup_support()
        lines = [f"CgroupPlugin=cgroup/{version}", f"CgroupMountpoint={CGROUPS}", "ConstrainRAMSpace=yes"]
        if version == "v2":
            lines += ["IgnoreSystemd=yes", "EnableControllers=yes"]
        (self.home / "cgroup.conf").write_text("\n".join(lines) + "\n")
        left = [f"{CGROUPS}/*/slurm_{name}" for name in self.node_names]
        left += [f"{CGROUPS}/system.slice/{name}_slurmstepd.scope" for name in self.node_names]
        (self.home / "cgroups").write_text("\n".join(left) + "\n")

    @contextmanager
    def without(self, *names: str, kill: bool = False) -> Iterator[None]:
        """Stop daemons (``slurmctld``, ``slurmd-n1``) for the length of a ``with`` block, or kill them; jobs go on."""
        self.programs.stop(names, kill=kill)
        try:
            yield
        finally:
            self._start(*names)

    def _start_daemons(self) -> None:
        self._start("slurmctld")
        self._started = True
        self._start(*(f"slurmd-{name}" for name in self.node_names))

    def _start(self, *names: str) -> None:
        """Start daemons, and wait until they answer."""
        env = {"SLURM_CONF": str(self.home / "slurm.conf")}
        for name in names:
            node = name.removeprefix("slurmd-")
            self.programs.start(name, ["slurmctld", "-D"] if name == "slurmctld" else ["slurmd", "-D", "-N", node], env)
        for name in names:
            self.programs.wait(name, lambda name=name: self._answers(name))  # type: ignore[misc]

    def _answers(self, name: str) -> bool:
        if name == "slurmctld":
            return "UP" in self._ask(["scontrol", "ping"]).stdout
        state = self._ask(["sinfo", "-h", "-n", name.removeprefix("slurmd-"), "-o", "%T"]).stdout.strip()
        # drained: a step of before would not end
        return state in ("idle", "mixed", "allocated", "completing", "draining", "drained")

    def _collect_coverage(self) -> None:
        """Hand what the user's commands have recorded to the coverage run of the tests."""
        measuring = _coverage_run()
        if measuring is not None:
            target = Path(str(measuring.get_option("run:data_file"))).absolute().parent
            for path in (self.home / "coverage").glob(".coverage.*"):
                shutil.copy(path, target)


def _coverage_run() -> Coverage | None:
    """Return the coverage measurement this process is under, if any."""
    coverage = sys.modules.get("coverage")
    return coverage.Coverage.current() if coverage else None


def missing_programs() -> list[str]:
    """Name what a cluster needs and this machine has not."""
    return [name for name in PROGRAMS if shutil.which(name, path=processes.SYSTEM_PATH) is None]


def slurm_version() -> tuple[int, int]:
    """Return Slurm's version, (22, 5) for 22.05."""
    # where daemons lie is not on everybody's PATH
    asked = {"PATH": processes.SYSTEM_PATH}
    text = subprocess.run(["slurmctld", "-V"], env=asked, capture_output=True, text=True, check=True).stdout
    year, month = text.split()[1].split(".")[:2]
    return int(year), int(month)


def cgroup_support() -> tuple[str, str]:
    """Say which control groups a test cluster can use here: (version, reason why not), one of the two empty."""
    if os.geteuid() != 0:
        return "", "only root may make control groups"
    if (CGROUPS / "memory" / "cgroup.procs").exists():
        version, parent = "v1", CGROUPS / "memory"
    elif "memory" in _words(CGROUPS / "cgroup.controllers"):
        version, parent = "v2", CGROUPS
    else:
        return "", f"no memory controller under {CGROUPS}"
    probe = parent / f"chromplan-probe-{os.getpid()}"
    try:
        probe.mkdir()
        probe.rmdir()
    except OSError as error:
        return "", f"{parent} cannot be written: {error.strerror}"
    return version, ""


def unusable(flavour: str) -> str:
    """Say why a flavour cannot run here; empty when it can."""
    missing = missing_programs()
    if missing:
        return f"no Slurm to test with: {', '.join(missing)} not found"
    return cgroup_support()[1] if flavour == "cgroup" else ""


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def main(arguments: Iterable[str] | None = None) -> int:
    """Bring a cluster up, print its environment, run something in it, take it down."""
    parser = argparse.ArgumentParser(prog="cluster.py", description="A private Slurm cluster on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="start a cluster that stays")
    up.add_argument("--flavour", choices=FLAVOURS, default="omk")
    up.add_argument("--node", metavar="CPUS:MB", action="append", help="one node; repeat (default 8:8000 and 8:4000)")
    up.add_argument("--scheduler", choices=("backfill", "builtin"), default="backfill")
    up.add_argument("--priority", choices=("basic", "multifactor"), default="basic")
    up.add_argument("--conf", metavar="LINE", action="append", default=[], help="one more line of slurm.conf; repeat")
    up.add_argument("--job-submit-lua", type=Path, metavar="FILE", help="a job_submit.lua to install")
    for name, text in (("env", "print the lines for a shell"), ("down", "stop and remove it"), ("list", "what is up")):
        commands.add_parser(name, help=text).add_argument("home", nargs="?", type=Path)
    run = commands.add_parser("run", help="run a command as the submitting user, in a new directory of that user's")
    run.add_argument("--home", type=Path, help="which cluster, when several are up (default: the newest)")
    run.add_argument("--cwd", type=Path, help="run there instead")
    run.add_argument("argv", nargs=argparse.REMAINDER)
    options = parser.parse_args(None if arguments is None else list(arguments))
    return {"up": _up, "env": _env, "down": _down, "list": _list, "run": _run}[options.command](options)


def _up(options: argparse.Namespace) -> int:
    reason = unusable(options.flavour)
    if reason:
        print(f"error: {reason}", file=sys.stderr)
        return 1
    sizes = [tuple(map(int, text.split(":"))) for text in options.node or ("8:8000", "8:4000")]
    began = time.monotonic()
    cluster = Cluster(
        flavour=options.flavour,
        nodes=[Node(cpus=cpus, mem_mb=mem_mb) for cpus, mem_mb in sizes],
        scheduler=options.scheduler,
        priority=options.priority,
        extra="\n".join(options.conf),
        job_submit_lua=options.job_submit_lua.read_text() if options.job_submit_lua else None,
        keep=True,
    ).start()
    work = cluster.user_dir()
    (cluster.home / "environment").write_text("".join(f"{k}={v}\n" for k, v in cluster.environment().items()))
    person = cluster.person
    (cluster.home / "kept").write_text(f"{person.name} {person.uid} {person.gid}")
    print(f"# up in {time.monotonic() - began:.1f} s: {options.flavour}, jobs of user {person.name}, work in {work}")
    print(f"export SLURM_CONF={cluster.home}/slurm.conf")
    print(f"export PATH={cluster.home}/bin:$PATH")
    return 0


def _kept(options: argparse.Namespace) -> Path:
    """Return the cluster meant: the one named, or the newest."""
    named: Path | None = getattr(options, "home", None)
    if named is not None:
        return named
    kept = [home for home in processes.homes() if (home / "environment").exists()]
    if not kept:
        sys.exit("error: no cluster is up; start one with 'up'")
    return max(kept, key=lambda home: home.stat().st_mtime)


def _environment(home: Path) -> dict[str, str]:
    rows = (home / "environment").read_text().splitlines()
    return dict(row.split("=", 1) for row in rows)


def _env(options: argparse.Namespace) -> int:
    home = _kept(options)
    print(f"export SLURM_CONF={home}/slurm.conf")
    print(f"export PATH={home}/bin:$PATH")
    return 0


def _run(options: argparse.Namespace) -> int:
    home = _kept(options)
    name, uid, gid = (home / "kept").read_text().split()
    person = people.Person(name=name, uid=int(uid), gid=int(gid))
    cwd = options.cwd or people.make_directory(home, person, "work")
    done = subprocess.run(
        options.argv,
        env=_environment(home),
        cwd=cwd,
        check=False,
        **person.switch,  # type: ignore[call-overload]
    )
    return int(done.returncode)


def _down(options: argparse.Namespace) -> int:
    processes.remove_home(_kept(options))
    return 0


def _list(_: argparse.Namespace) -> int:
    for home in processes.homes():
        print(home, "(by hand)" if (home / "kept").exists() else "(a test run's)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
