"""The environment in which the dynamic schedulers are compared.

22 tasks, one node of 100: relative sizes x fall evenly from 1 to 1/4 (preset P) or are the GRCh37 autosomes' lengths
(preset G); with task size tau the expected memory is ``tau C (.1 + .9 x)``, true memory scatters by 8 % and duration
``250 x`` by 5 % (normal, clipped at 3 sd); an attempt reaches its peak at a uniform share of its run; predictions are
off by 10 % together and 5 % each.
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

import numpy as np

from planner.core import genomes
from planner.schedule.dynamic.simulator import Case
from planner.schedule.dynamic.state import Node, Work

CAPACITY = 100.0
NODES = (Node(name="node", mem_mb=CAPACITY),)
TASKS = 22
TASK_SIZES = (0.2, 0.4, 0.6, 0.8)
_ATTEMPTS = 40
_LONGEST_S = 250.0
_LEAST_MB, _MOST_MB = 0.5, 97.0


class Preset(StrEnum):
    """Where the benchmark's sizes come from."""

    P = "P"  # evenly spaced, as in the paper
    G = "G"  # the autosomes of GRCh37


def benchmark_case(preset: Preset, task_size: float, seed: int) -> Case:
    """Return the benchmark's case for one seed.

    Parameters
    ----------
    task_size : float
        Memory of the largest task as a share of the node (tau).
    """
    return scattered(sizes(preset), task_size, seed)


def scattered(x: np.ndarray, task_size: float, seed: int, *, noise: float = 0.08, power: float = 1.0) -> Case:
    """Return a case of given relative sizes, shape (22,), largest 1.

    Parameters
    ----------
    noise : float
        Standard deviation of true memory around its mean, relative.
    power : float
        Of the size, with which memory grows.
    """
    rng = np.random.default_rng([seed, int(1000 * task_size)])
    memory_noise, time_noise = (np.clip(rng.standard_normal(TASKS), -3, 3) for _ in range(2))
    peak_at = rng.random((TASKS, _ATTEMPTS))
    together, each = rng.standard_normal(), rng.standard_normal(TASKS)
    mean = task_size * CAPACITY * (0.1 + 0.9 * x**power)
    true = np.clip(mean * (1 + noise * memory_noise), _LEAST_MB, _MOST_MB)
    predicted = np.clip(mean * (1 + 0.1 * together) * (1 + 0.05 * each), _LEAST_MB, _MOST_MB)
    works = tuple(
        Work(name=f"chr{k + 1}", size=float(x[k]), position=k + 1, predicted_mb=float(predicted[k]))
        for k in range(TASKS)
    )
    return Case(
        works=works,
        true_mb=tuple(true.tolist()),
        wall_s=tuple((_LONGEST_S * x * (1 + 0.05 * time_noise)).tolist()),
        peak_at=tuple(tuple(row) for row in peak_at.tolist()),
    )


def without_predictions(case: Case) -> Case:
    """Return the same case, nothing predicted."""
    return replace(case, works=tuple(replace(work, predicted_mb=None, predicted_s=None) for work in case.works))


def sizes(preset: Preset) -> np.ndarray:
    """Return the relative sizes of a preset, largest 1, shape (22,)."""
    if preset is Preset.P:
        return np.linspace(1, 0.25, TASKS)
    lengths = genomes.lengths("GRCh37")
    autosomes = np.array([lengths[str(k)] for k in range(1, TASKS + 1)], dtype=float)
    return np.asarray(autosomes / autosomes[0])
