"""Which words of an sbatch command line the user gave, and which a plan added for the user's own script."""

from __future__ import annotations

import re
from collections.abc import Sequence

HOLD = "--hold"
# options that a plan sets for a user's own script, in the order they are written; the plan's token is in the comment
BEFORE_COMMENT = ("--array", "--cpus-per-task", "--time", "--acctg-freq")
COMMENT = "--comment"
AFTER_COMMENT = ("--dependency", "--kill-on-invalid-dep")
_MEMORY = ("--mem", "--mem-per-cpu")
_PARSABLE = "--parsable"  # as 'chromplan sbatch' prints it in any case
_TOKEN = re.compile(r"chromplan:r\d+:")


def given_words(words: Sequence[str]) -> list[str]:
    """Return the words of an sbatch command line that the user gave, without the plan's options.

    Parameters
    ----------
    words : sequence of str
        Words of a command line as Slurm records it: an argument with blanks is several words.
    """
    end = next((at for at, word in enumerate(words) if _TOKEN.search(word)), None)
    if end is None:
        return [word for word in words if word != _PARSABLE]
    decided = tuple(f"{name}=" for name in (*_MEMORY, *BEFORE_COMMENT))
    start = next((at for at in range(end, 0, -1) if words[at].startswith(f"{COMMENT}=")), end)
    while words[start - 1].startswith((HOLD, *decided)) and words[start] != HOLD:
        start -= 1
    while end + 1 < len(words) and words[end + 1].startswith(tuple(f"{name}=" for name in AFTER_COMMENT)):
        end += 1
    return [word for word in words[:start] if word != _PARSABLE] + list(words[end + 1 :])
