"""Whatever dies when, in any order: every task runs to its end once, and each attempt is recorded once.

Projects in every mode are worked on by commands that are killed at random, while Slurm's commands lie to them,
slurmctld starts anew, slurmdbd is away and a slurmd is killed. Then all is well again, and whoever goes on finds
nothing lost, nothing doubled, nothing held.

``make crash`` has 200 commands killed; CHROMPLAN_KILLS says another number, CHROMPLAN_SEED another order.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from cluster import Cluster
from pipelines import HOLD, HOLD_COMMAND, Pipeline

pytestmark = pytest.mark.cluster
TRIALS = Path(__file__).parent / "random_trials.py"
MODES = ("array", "tiers", "jobs", "packed")
KILLS = int(os.environ.get("CHROMPLAN_KILLS", "200"))
KILLS_EACH = 4
SEED = os.environ.get("CHROMPLAN_SEED", "1")
PROGRAMS = ("sbatch", "scontrol", "squeue", "sacct")
LIAR = """#!/bin/bash
# LIE="PID sbatch lost 2": the second sbatch of the process with this id is taken, and says that it was not
name=${0##*/}
real=$(PATH=${PATH#*:} type -P "$name")
read -r pid program how at <<<"${LIE:-}"
if [ "$PPID" = "$pid" ] && [ "$name" = "$program" ] && echo "$name $*" >>.calls && [ "$(wc -l <.calls)" = "$at" ]; then
  case $how in
    lost) "$real" "$@" >/dev/null; echo "$name: error: Socket timed out on send/recv operation" >&2; exit 1 ;;
    lostkill) "$real" "$@" >/dev/null; kill -9 $$ ;;
    killparent) "$real" "$@"; kill -9 "$PPID" ;;
    killparentfirst) kill -9 "$PPID"; sleep 3; exec "$real" "$@" ;;
    orphan) setsid bash -c 'sleep 2; exec "$@"' - "$real" "$@" & kill -9 "$PPID" ;;
    away) echo "$name: error: Unable to contact slurm controller (connect failure)" >&2; exit 1 ;;
    empty) exit 0 ;;
  esac
fi
exec "$real" "$@"
"""


@contextmanager
def nothing_down() -> Iterator[None]:
    """Only time goes by."""
    yield


def disturb(cluster: Cluster, source: random.Random) -> str:
    """Have a daemon come and go, and return which."""
    troubles: dict[str, Callable[[], Any]] = {
        "slurmctld": lambda: cluster.without("slurmctld"),
        "slurmdbd": cluster.accounting.down,
        "slurmd": lambda: cluster.without(f"slurmd-{source.choice(cluster.node_names)}", kill=True),
        "none": nothing_down,
    }
    name = source.choice(sorted(troubles))
    with troubles[name]():
        sleep(source.uniform(1.0, 6.0))
    for node in cluster.node_names if name == "slurmd" else ():
        # Slurm drains a node whose step outlived its slurmd; one that is not drained cannot be resumed
        with suppress(RuntimeError):
            cluster.administrate("scontrol", "update", f"NodeName={node}", "State=RESUME")
    return name


def trials(cluster: Cluster, command: str, spec: Path, lies: Path) -> dict[str, Any]:
    environment = {
        "PATH": f"{lies}:{cluster.environment()['PATH']}",
        "TMPDIR": str(spec.parent),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    argv: list[str | Path] = ["python3", TRIALS, command, spec]
    done = cluster.run(argv, cwd=spec.parent, env=environment, check=False, timeout_s=7200)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.skipif(not os.environ.get("CHROMPLAN_CRASHES"), reason="'make crash' tries it: it takes a while")
def test_random_kills_while_daemons_come_and_go(omk_cluster: Cluster) -> None:
    held = {"20": 50.0, "21": 220.0, "22": 60.0}
    bases = {}
    for mode in MODES:
        # chr21 is killed for memory once, so that there is a second round for whoever goes on
        pipeline = Pipeline(
            omk_cluster, chromosomes="20-22", mode=mode, command=HOLD_COMMAND, held_mb=held, formula="150"
        )
        # says which step ran it, too
        pipeline.write(
            "hold.py", HOLD.replace('"done\\n"', "f\"{os.environ['SLURM_JOB_ID']}.{os.environ['SLURM_STEP_ID']}\\n\"")
        )
        pipeline.ready()
        bases[mode] = str(pipeline.folder)
    pipeline.run("mkdir", "lies")
    for program in PROGRAMS:
        pipeline.write(f"lies/{program}", LIAR)
        pipeline.run("chmod", "+x", f"lies/{program}")
    spec = {
        "bases": bases,
        "work": str(omk_cluster.user_dir("random")),
        "projects": -(-KILLS // KILLS_EACH),
        "kills": KILLS_EACH,
        "seed": SEED,
        "workers": 4,
        "tasks": ["s1.chr20", "s1.chr21", "s1.chr22"],
    }
    pipeline.write("spec.json", json.dumps(spec))
    told = (pipeline.folder / "spec.json", pipeline.folder / "lies")
    source = random.Random(SEED)
    troubles: list[str] = []
    # the daemons end with the thread that started them: that is this one
    with ThreadPoolExecutor(1) as aside:
        under_way = aside.submit(trials, omk_cluster, "turmoil", *told)
        while not under_way.done():
            troubles.append(disturb(omk_cluster, source))
        killed = under_way.result()["killed"]
    found = trials(omk_cluster, "calm", *told)
    print(f"{sum(killed.values())} commands killed: {killed}")
    print(f"daemons away: { {name: troubles.count(name) for name in sorted(set(troubles))} }")
    print(f"all done after {found['rounds']} further rounds, {len(found['wrong'])} projects wrong")
    for name, said in found["wrong"].items():
        print(f"{name}:", *said, sep="\n  ")
    assert found["wrong"] == {}
