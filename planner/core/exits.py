"""Exit codes that say that a signal ended a process."""

from __future__ import annotations

import signal

KILL, TERMINATE = int(signal.SIGKILL), int(signal.SIGTERM)
# a shell whose command is ended by a signal exits with 128 and the signal's number
KILLED, TERMINATED = 128 + KILL, 128 + TERMINATE
