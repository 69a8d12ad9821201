"""A formula as the first idea of a tool's memory: it plans the first round, the observations move it, then replace it.

Two things are learnt at different speeds. The formula's level (another Java, other settings) follows the observations
at once: their mean log ratio to the formula, shrunk by the credibility ``n / (n + k)``, k the noise's variance over
that of levels (Bühlmann 1967). Its shape is given up slowly: requests are the geometric mean of the moved formula's
and the model's, weighted as if the formula were worth :data:`WORTH` observations. Nothing here needs numpy.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from planner.core.errors import InputError
from planner.formula import grammar
from planner.formula.formula import POINT, Formula
from planner.formula.grammar import Node

WORTH = 8.0
"""Observations that a formula counts as much as."""

LEAST_SHARE = 0.1
"""Below this share the formula is no longer asked."""

_LEVELS_DIFFER = 0.3  # standard deviation, in logs, of how far a formula's level is off on another machine
_LEVEL, _ONE_SIGMA = 0.5, 0.84


@dataclass(frozen=True, kw_only=True, slots=True)
class Prior:
    """A calibrated formula, and what the observations say of it.

    Attributes
    ----------
    name : str
        What reasons call the formula.
    formula : Formula
    observed : int
        Observations so far.
    moved : float
        Factor by which they move the formula's level; 1 without any.
    cheapest_level : float
        Level of the bound that is expected to waste least.
    """

    name: str
    formula: Formula
    observed: int = 0
    moved: float = 1.0
    cheapest_level: float

    @property
    def share(self) -> float:
        """How much the formula counts, in (0, 1]; the observations count the rest."""
        return WORTH / (WORTH + self.observed)

    @property
    def asked(self) -> bool:
        """Whether the formula counts enough to be asked."""
        return self.share >= LEAST_SHARE

    def request(self, features: Mapping[str, float], level: float | None) -> tuple[float, float]:
        """Return the moved formula's prediction and bound, MiB.

        Parameters
        ----------
        features : mapping of str to float
            At least the formula's inputs.
        level : float or None
            Of the bound, in (0, 1]; None for the level that is expected to waste least.
        """
        bound = self.formula.bound(features, self.cheapest_level if level is None else level)
        return self.moved * bound.point_mb, self.moved * bound.upper_mb

    def blend(self, of_formula: float, of_model: float) -> float:
        """Return the weighted geometric mean of two amounts, MiB, > 0."""
        return math.exp(self.share * math.log(of_formula) + (1.0 - self.share) * math.log(of_model))

    def counted(self) -> str:
        """Say how much formula and observations counted."""
        if not self.observed:
            return f"formula {self.name} ({self.formula.rows} rows) 100 %, no observation yet"
        moved = f", its level moved {self.moved:.2f}-fold" if abs(self.moved - 1.0) >= 0.005 else ""
        plural = "s" * (self.observed != 1)
        share = round(100 * self.share)
        return f"formula {self.name} {share} %{moved}, {self.observed} observation{plural} {100 - share} %"


def usable(formula: Formula, names: Iterable[str]) -> Formula | None:
    """Return the formula for tasks with these features; None when it lacks one of its own, or a calibration.

    Features that the arithmetic does not use are not demanded: without them their ranges, and those of their ratios,
    do not widen the bound.
    """
    given = set(names)
    if formula.calibration is None or not set(formula.names) <= given:
        return None
    return replace(
        formula,
        features={name: known for name, known in formula.features.items() if name in given},
        ratios=tuple(ratio for ratio in formula.ratios if {ratio.over, ratio.under} <= given),
    )


def learn(name: str, formula: Formula, seen: Sequence[tuple[Mapping[str, float], float]]) -> Prior:
    """Return the prior after observations, pairs of features and measured peak (MiB, > 0).

    Raises
    ------
    InputError
        For a formula without calibration, and where it has no finite value.
    """
    table = formula.calibration
    if table is None:
        raise InputError(
            f"the formula {name} has no calibration table", "fit it from rows ('chromplan fit --symbolic')"
        )
    moved = 1.0
    if seen:
        ratios = [math.log(peak / formula.bound(features, _LEVEL).point_mb) for features, peak in seen]
        pairs = zip(table.factors_at(_ONE_SIGMA), table.factors_at(_LEVEL), strict=True)
        noise = max(math.log(high / middle) for high, middle in pairs)
        credibility = len(ratios) / (len(ratios) + (noise / _LEVELS_DIFFER) ** 2)
        moved = math.exp(credibility * math.fsum(ratios) / len(ratios))
    return Prior(name=name, formula=formula, observed=len(seen), moved=moved, cheapest_level=table.cheapest_level())


def shape(formula: Formula) -> str:
    """Return the prediction, limits outside the ranges included, as arithmetic in the features alone."""
    known: dict[str, Node] = {}
    for name, node in formula.steps(_LEVEL):
        known[name] = grammar.substituted(node, known)
        if name == POINT:
            break
    return grammar.render(known[POINT])
