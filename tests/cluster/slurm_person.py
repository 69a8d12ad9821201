"""The ordinary user who submits the jobs, and the Python that this user can run.

Daemons run as whoever runs the tests. When that is root, jobs are submitted by somebody else, because root and
SlurmUser may do things no user of a real cluster may (raise a priority, change a running job). Two things can be out of
that user's reach: the interpreter (a Python under /root) and the checkout itself. For the first, Debian's own python of
the same version runs the very same site-packages. For the second there is no honest way around, and root submits the
jobs itself.
"""

from __future__ import annotations

import os
import pwd
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from slurm_processes import SYSTEM_PATH

_PROBE = "import click, numpy, planner"
# .pth files (an editable install, coverage's start-up) only work in a site directory, not on PYTHONPATH
_SITECUSTOMIZE = "import site\n\nsite.addsitedir({site!r})\n"
_BIN = {
    # bash, because other shells drop the functions that the user's shell exports
    "chromplan": "#!/bin/bash\nexec {python} -c 'from planner.cli import main; main()' \"$@\"\n",
    "python3": '#!/bin/sh\nexec {python} "$@"\n',
}


@dataclass(frozen=True, kw_only=True)
class Person:
    """Who submits, and this user's PATH and HOME."""

    name: str
    uid: int
    gid: int
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def switch(self) -> dict[str, object]:
        """The arguments of subprocess that make a command run as this user."""
        if self.uid == os.geteuid():
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def install(home: Path) -> Person:
    """Choose the user and write ``bin/chromplan`` and ``bin/python3`` that this user can run.

    ``CHROMPLAN_TEST_USER`` names another user than ``nobody``.
    """
    for account in _accounts():
        directory = home / "people" / account.pw_name
        environment = {"PATH": f"{home}/bin:{SYSTEM_PATH}", "HOME": str(directory)}
        person = Person(name=account.pw_name, uid=account.pw_uid, gid=account.pw_gid, environment=environment)
        for python in _pythons(home):
            if _can_run(person, python):
                _write_bin(home, shlex.join(python))
                _make_own(directory, person)
                return person
    raise RuntimeError(f"no Python here can {_PROBE!r}: run the tests in the project's .venv")


def make_directory(home: Path, person: Person, name: str) -> Path:
    """Make a new, empty directory that the user owns."""
    parent = home / "people"
    number = sum(1 for _ in parent.glob(f"{name}-*"))
    path = parent / f"{name}-{number}"
    _make_own(path, person)
    return path


def _accounts() -> Iterator[pwd.struct_passwd]:
    if os.geteuid() == 0:
        for name in (os.environ.get("CHROMPLAN_TEST_USER"), "nobody"):
            if name:
                yield pwd.getpwnam(name)
    yield pwd.getpwuid(os.geteuid())


def _pythons(home: Path) -> Iterator[list[str]]:
    yield [sys.executable]
    other = f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}"
    if Path(other).exists():
        packages = sysconfig.get_path("purelib")
        (home / "site").mkdir(exist_ok=True)
        (home / "site" / "sitecustomize.py").write_text(_SITECUSTOMIZE.format(site=packages))
        yield ["/usr/bin/env", f"PYTHONPATH={home}/site:{packages}", other]


def _can_run(person: Person, python: list[str]) -> bool:
    try:
        run = subprocess.run(
            [*python, "-c", _PROBE],
            env=person.environment,
            cwd="/",
            capture_output=True,
            check=False,
            **person.switch,  # type: ignore[call-overload]
        )
    except PermissionError:
        return False
    return bool(run.returncode == 0)


def _make_own(path: Path, person: Person) -> None:
    path.mkdir(parents=True)
    os.chown(path, person.uid, person.gid)


def _write_bin(home: Path, python: str) -> None:
    (home / "bin").mkdir()
    for name, text in _BIN.items():
        path = home / "bin" / name
        path.write_text(text.format(python=python))
        path.chmod(0o755)
