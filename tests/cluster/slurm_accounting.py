"""Slurm's accounting for tests: munge, MariaDB and slurmdbd, shared by all clusters of a run."""

from __future__ import annotations

import getpass
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import slurm_processes as processes

_MYSQL_SETUP = """
CREATE DATABASE acct;
CREATE USER 'slurm'@'127.0.0.1' IDENTIFIED BY 'test';
GRANT ALL ON acct.* TO 'slurm'@'127.0.0.1';
"""

_SLURMDBD_CONF = """\
DbdHost=localhost
DbdPort={dbd_port}
SlurmUser={me}
AuthType=auth/munge
AuthInfo=socket={socket}
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={db_port}
StorageUser=slurm
StoragePass=test
StorageLoc=acct
LogFile={home}/logs/slurmdbd.log
PidFile={home}/slurmdbd.pid
"""


class Accounting:
    """Munge, MariaDB and slurmdbd in one private directory.

    Parameters
    ----------
    home
        A directory from :func:`slurm_processes.make_home`.
    programs
        What starts and stops them.
    """

    def __init__(self, home: Path, programs: processes.Programs) -> None:
        self.home = home
        self.programs = programs
        self.me = getpass.getuser()
        self.munge_socket = home / "munge" / "socket"
        self.db_port, self.dbd_port = processes.free_ports(2)
        self._db_socket = home / "db.sock"

    def start(self) -> None:
        """Bring all three up, in the order they need each other."""
        self._start_munge()
        self._start_database()
        conf = self.home / "slurmdbd.conf"
        conf.touch(mode=0o600)
        conf.write_text(
            _SLURMDBD_CONF.format(
                dbd_port=self.dbd_port, db_port=self.db_port, me=self.me, socket=self.munge_socket, home=self.home
            )
        )
        # slurmdbd finds its own file beside slurm.conf, and sacctmgr needs one to find slurmdbd
        (self.home / "slurm.conf").write_text(
            f"ClusterName=accounting\nSlurmctldHost=localhost\n{self.client_settings()}NodeName=none\n"
            "PartitionName=none Nodes=none\n"
        )
        self.start_slurmdbd()

    def stop(self) -> None:
        """Stop all three, slurmdbd before what it needs."""
        self.programs.stop(["slurmdbd"])
        self.programs.stop(["mariadbd", "munged"])

    def client_settings(self) -> str:
        """Return the slurm.conf lines by which a cluster finds its accounting."""
        return (
            f"AuthType=auth/munge\nAuthInfo=socket={self.munge_socket}\n"
            "AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=localhost\n"
            f"AccountingStoragePort={self.dbd_port}\n"
            # with a private munge socket slurmctld signs its connection by this one
            f"AccountingStoragePass={self.munge_socket}\n"
        )

    def start_slurmdbd(self) -> None:
        """Start slurmdbd alone (the database runs)."""
        env = {"SLURM_CONF": str(self.home / "slurm.conf")}
        self.programs.start("slurmdbd", ["slurmdbd", "-D"], env)
        ask = ["sacctmgr", "-n", "show", "cluster"]
        self.programs.wait("slurmdbd", lambda: _succeeds(ask, env))

    @contextmanager
    def down(self) -> Iterator[None]:
        """Stop slurmdbd for the length of a ``with`` block, as on a day of maintenance."""
        self.programs.stop(["slurmdbd"])
        try:
            yield
        finally:
            self.start_slurmdbd()

    def _start_munge(self) -> None:
        private = self.home / "munge-key"
        private.mkdir(mode=0o700)
        self.munge_socket.parent.mkdir()
        key = private / "key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        self.programs.start(
            "munged",
            [
                "munged",
                "--foreground",
                f"--key-file={key}",
                f"--socket={self.munge_socket}",
                f"--pid-file={private}/pid",
                f"--log-file={private}/log",
                f"--seed-file={private}/seed",
            ],
        )
        self.programs.wait("munged", lambda: _succeeds(["munge", "-n", "-S", str(self.munge_socket)]))

    def _start_database(self) -> None:
        data = self.home / "db"
        installed = subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                f"--datadir={data}",
                f"--user={self.me}",
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
                "--skip-name-resolve",
                # two that are at work at the same time would clear away each other's tables from /tmp
                f"--tmpdir={self.home}",
            ],
            env={"PATH": processes.SYSTEM_PATH},
            capture_output=True,
            text=True,
            check=False,
        )
        if installed.returncode:
            raise processes.StartError(f"mariadb-install-db: {installed.stdout}\n{installed.stderr}")
        self.programs.start(
            "mariadbd",
            [
                "mariadbd",
                "--no-defaults",
                f"--datadir={data}",
                f"--socket={self._db_socket}",
                f"--pid-file={self.home}/mariadbd.pid",
                f"--port={self.db_port}",
                "--bind-address=127.0.0.1",
                f"--user={self.me}",
                "--innodb-flush-log-at-trx-commit=0",
                f"--tmpdir={self.home}",
                # on by default from MariaDB 11.6 on, and more than slurmdbd is made for; unknown before
                "--loose-innodb-snapshot-isolation=OFF",
            ],
        )
        client = ["--no-defaults", f"--socket={self._db_socket}", "--user=root"]
        self.programs.wait("mariadbd", lambda: _succeeds(["mariadb-admin", *client, "ping"]))
        subprocess.run(
            ["mariadb", *client],
            input=_MYSQL_SETUP,
            text=True,
            check=True,
            capture_output=True,
            env={"PATH": processes.SYSTEM_PATH},
        )


def _succeeds(argv: list[str], env: dict[str, str] | None = None) -> bool:
    run = subprocess.run(argv, env={"PATH": processes.SYSTEM_PATH, **(env or {})}, capture_output=True, check=False)
    return run.returncode == 0
