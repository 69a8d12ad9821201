"""Exit codes of processes that were ended by a signal."""

from __future__ import annotations

import signal

KILL, TERMINATE = int(signal.SIGKILL), int(signal.SIGTERM)
# a shell whose command is ended by a signal exits with 128 plus the signal's number
KILLED, TERMINATED = 128 + KILL, 128 + TERMINATE
