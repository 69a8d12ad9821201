"""Commands run on a terminal of a size."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path


def on_terminal(*arguments: str, cwd: Path, lines: int = 24, columns: int = 80) -> str:
    """Return what a command prints on a terminal, without colours and without what it has wiped away again."""
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("LINES", "COLUMNS")}
    command = [sys.executable, "-m", "planner", *arguments]
    process = subprocess.Popen(
        command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, stdout=child, stderr=child, close_fds=True
    )
    os.close(child)
    said = b""
    while True:
        try:
            block = os.read(parent, 65_536)
        except OSError:
            break
        if not block:
            break
        said += block
    os.close(parent)
    assert process.wait() == 0, said.decode()
    text = re.sub(r"[^\n]*\r\x1b\[K", "", said.decode().replace("\r\n", "\n"))
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)


def height(text: str, columns: int = 80) -> int:
    """Return how many lines of a terminal a text takes."""
    return sum(max(1, -(-len(line) // columns)) for line in text.splitlines())
