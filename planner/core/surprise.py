"""Whether measurements contradict a prediction: a prior predictive check (Box 1980)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

SURPRISE = 0.005
"""Observations less probable than this contradict a prediction."""


def surprising(ratios: Sequence[float], noise: float, *, level_sd: float = math.inf) -> bool:
    """Whether log ratios to predictions are improbable under the model of a common level plus noise.

    The quadratic form of such ratios is chi-squared; its quantile after Wilson and Hilferty (1931).

    Parameters
    ----------
    ratios : sequence of float
        Logs of measured over predicted, at least one.
    noise, level_sd : float
        Standard deviations of a single ratio around the level, and of the level around 0; infinite if only the shape is
        predicted.
    """
    count = len(ratios)
    mean = math.fsum(ratios) / count
    scatter = math.fsum((ratio - mean) ** 2 for ratio in ratios) / noise**2
    offset = count * mean**2 / (noise**2 + count * level_sd**2)
    dof = count - math.isinf(level_sd)
    if dof == 0:
        return False
    spread = 2 / (9 * dof)
    most = dof * (1 - spread + NormalDist().inv_cdf(1 - SURPRISE) * math.sqrt(spread)) ** 3
    return scatter + offset > most
