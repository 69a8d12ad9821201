"""Price of a job in its site's own units: Slurm's ``TRESBillingWeights``."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_WEIGHT = re.compile(r"([A-Za-z][^=,\s]*)=([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTP]?)", re.IGNORECASE)
_MB_PER = {"": 1, "K": 1 / 1024, "M": 1, "G": 1024, "T": 1024**2, "P": 1024**3}


@dataclass(frozen=True, kw_only=True, slots=True)
class Weights:
    """Billing units per core, MiB and node of a job."""

    cpu: float = 0.0
    mem_mb: float = 0.0
    node: float = 0.0

    def units(self, *, cpus: int, mem_mb: int, nodes: int, by_largest: bool) -> int:
        """Return the billing units of a job while it runs, as a whole number.

        Parameters
        ----------
        cpus, mem_mb
            Cores and memory (MiB) of all its nodes together.
        by_largest : bool
            Only the largest share is billed, not the sum (``PriorityFlags=MAX_TRES``).
        """
        shares = (self.cpu * cpus, self.mem_mb * mem_mb, self.node * nodes)
        # 0.1 x 30 is 3.0000000000000004
        return math.floor((max(shares) if by_largest else sum(shares)) + 1e-9)


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """The expected cost of jobs.

    Attributes
    ----------
    core_h : float
        Cores reserved x time, h.
    billed_h : float
        The site's billing units x time, h.
    money : float or None
        In the site's currency; None if the site file does not say what a unit costs.
    co2_g : float or None
        Grams of CO2; None if the site file does not say what a unit stands for.
    """

    core_h: float
    billed_h: float
    money: float | None
    co2_g: float | None


# Slurm's default for a partition without weights
CORES = Weights(cpu=1.0)


def parse(text: str) -> Weights:
    """Read ``CPU=1.0,Mem=0.25G,Node=2``; GPUs, licences and the like are ignored, as planned jobs have none.

    Raises
    ------
    ValueError
        For any other text.
    """
    found = {"cpu": 0.0, "mem": 0.0, "node": 0.0}
    for word in text.split(","):
        match = _WEIGHT.fullmatch(word.strip())
        if match is None:
            raise ValueError(f"weights as Slurm's TRESBillingWeights are expected, CPU=1.0,Mem=0.25G, not {word!r}")
        name, suffix = match[1].lower(), match[3].upper()
        if name in found:
            found[name] = float(match[2]) / (_MB_PER[suffix] if name == "mem" else 1)
    return Weights(cpu=found["cpu"], mem_mb=found["mem"], node=found["node"])
