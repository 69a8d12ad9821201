"""Each of many variables by itself in a user's environment: run as the submitting user.

``python interference_trials.py SPEC``, SPEC being a JSON file with a rendered project (``base``), where its copies go
(``work``), the variables and the tasks, submits and records a round under each variable, and prints as a JSON object
what went otherwise than without it, by variable.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import sys
from pathlib import Path

import crash_trials as trials

WORKERS = 4


def submitted(folder: Path, base: Path, variable: dict[str, str]) -> None:
    """Submit a copy of the project under a variable."""
    (name,) = variable
    trials.copy(base, folder, f"t{name.lower().replace('_', '')}x{os.getpid()}")
    trials.run(["submit"], folder, folder / "trial.log", environment=variable)


def found_wrong(folder: Path, tasks: list[str], variable: dict[str, str]) -> list[str]:
    """Record a round under a variable, and return what is wrong with it."""
    code, _ = trials.run(["ingest"], folder, folder / "trial.log", environment=variable)
    wrong = [f"ingest: exit {code}"] * bool(code) + trials.found_wrong(tasks, folder)
    lines = (folder / "rounds/r001/manifest.tsv").read_text().splitlines()[1:]
    jobs = {line.split("\t")[1].partition("_")[0] for line in lines}
    return wrong + [f"{len(jobs)} jobs, instead of one array"] * (len(jobs) != 1)


def main() -> None:
    """Try every variable, and print what went wrong."""
    for name in trials.PRELOADED:
        importlib.import_module(name)
    spec = json.loads(Path(sys.argv[1]).read_text())
    work, variables = Path(spec["work"]), spec["variables"]
    work.mkdir(parents=True, exist_ok=True)
    children = []
    for worker in range(WORKERS):
        child = os.fork()
        if not child:
            for name in sorted(variables)[worker::WORKERS]:
                submitted(work / name, Path(spec["base"]), {name: variables[name]})
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    trials.wait_for_jobs(work)
    trials.wait_for_accounting(work)
    wrong: dict[str, list[str]] = {}
    for name, value in variables.items():
        if said := found_wrong(work / name, spec["tasks"], {name: value}):
            wrong[name] = [*said, (work / name / "trial.log").read_text()[-3000:]]
        else:
            shutil.rmtree(work / name)
    print(json.dumps(wrong))


if __name__ == "__main__":
    main()
