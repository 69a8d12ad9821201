"""Formulas as priors: a formula plans the first round; observations then adjust it, and finally replace it.

Two things are learnt at different speeds. The formula's level (another Java, other settings) follows the observations
at once: their mean log ratio to the formula, shrunk by the credibility ``n / (n + k)``, k the noise's variance over
that of levels (Bühlmann 1967). Its shape is given up slowly: requests are the geometric mean of the moved formula's
and the model's, weighted as if the formula were worth :data:`WORTH` observations. A formula that the observations
contradict is let go at once: they are improbable if it were right up to its noise and its level
(:mod:`planner.core.surprise`). Nothing here needs numpy.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from planner.core.errors import InputError
from planner.core.surprise import surprising
from planner.formula import grammar
from planner.formula.formula import POINT, Formula
from planner.formula.grammar import Node

WORTH = 8.0
"""Weight of a formula, in observations."""

LEAST_SHARE = 0.1
"""Below this share the formula is no longer used."""

_LEAST_NOISE = 0.1  # least standard deviation, in logs: no two machines agree better
_LEVELS_DIFFER = 0.3  # standard deviation, in logs, of how far a formula's level is off on another machine
_LEVEL, _ONE_SIGMA = 0.5, 0.84


@dataclass(frozen=True, kw_only=True, slots=True)
class Prior:
    """A calibrated formula, adjusted by observations.

    Attributes
    ----------
    name : str
        The formula's name in reasons.
    formula : Formula
    observed : int
        Observations so far.
    moved : float
        Factor by which observations change the formula's level; 1 without any.
    cheapest_level : float
        Level of the bound with least expected waste.
    let_go : str
        Why the formula is rejected; empty while nothing contradicts it.
    """

    name: str
    formula: Formula
    observed: int = 0
    moved: float = 1.0
    cheapest_level: float
    let_go: str = ""

    @property
    def share(self) -> float:
        """Weight of the formula, in (0, 1]; the observations have the rest."""
        return WORTH / (WORTH + self.observed)

    @property
    def asked(self) -> bool:
        """Whether the formula has enough weight to be used, and is not rejected."""
        return not self.let_go and self.share >= LEAST_SHARE

    @property
    def missed(self) -> str:
        """Why the formula is not used although history is still short; empty otherwise."""
        return self.let_go if self.share >= LEAST_SHARE else ""

    @property
    def largest_mb(self) -> float:
        """The largest peak among the formula's rows, MiB; if it is not in the file, the largest bound at these rows."""
        if self.formula.largest_mb is not None:
            return self.formula.largest_mb
        table = self.formula.calibration
        return 0.0 if table is None else max(map(operator.mul, table.knots_mb, table.factors_at(1.0)))

    def request(self, features: Mapping[str, float], level: float | None) -> tuple[float, float]:
        """Return the moved formula's prediction and bound, MiB.

        Parameters
        ----------
        features : mapping of str to float
            At least the formula's inputs.
        level : float or None
            Of the bound, in (0, 1]; None for the level of least expected waste.
        """
        bound = self.formula.bound(features, self.cheapest_level if level is None else level)
        return self.moved * bound.point_mb, self.moved * bound.upper_mb

    def blend(self, of_formula: float, of_model: float) -> float:
        """Return the weighted geometric mean of two amounts, MiB, > 0."""
        return math.exp(self.share * math.log(of_formula) + (1.0 - self.share) * math.log(of_model))

    def counted(self) -> str:
        """Return the weights of formula and observations in words."""
        if not self.observed:
            return f"formula {self.name} ({self.formula.rows} rows) 100 %, no observation yet"
        moved = f", its level moved {self.moved:.2f}-fold" if abs(self.moved - 1.0) >= 0.005 else ""
        plural = "s" * (self.observed != 1)
        share = round(100 * self.share)
        return f"formula {self.name} {share} %{moved}, {self.observed} observation{plural} {100 - share} %"


def usable(formula: Formula, names: Iterable[str]) -> Formula | None:
    """Return the formula if tasks with these features can use it; None if a feature or its calibration is missing.

    Features that the arithmetic does not use may be missing: their ranges and ratios then do not widen the bound.
    """
    given = set(names)
    if formula.calibration is None or not set(formula.names) <= given:
        return None
    return replace(
        formula,
        features={name: known for name, known in formula.features.items() if name in given},
        ratios=tuple(ratio for ratio in formula.ratios if {ratio.over, ratio.under} <= given),
    )


def implied(formula: Formula) -> dict[str, str]:
    """Return feature -> specification, for the features that a pipeline need not define."""
    return {name: known.source for name, known in formula.features.items() if known.source}


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
    moved, let_go = 1.0, ""
    if seen:
        ratios = [math.log(peak / formula.bound(features, _LEVEL).point_mb) for features, peak in seen]
        pairs = zip(table.factors_at(_ONE_SIGMA), table.factors_at(_LEVEL), strict=True)
        noise = max(math.log(high / middle) for high, middle in pairs)
        credibility = len(ratios) / (len(ratios) + (noise / _LEVELS_DIFFER) ** 2)
        moved = math.exp(credibility * math.fsum(ratios) / len(ratios))
        if surprising(ratios, max(noise, _LEAST_NOISE), level_sd=_LEVELS_DIFFER):
            least, most = (math.exp(choose(ratios)) for choose in (min, max))
            told = f"{least:.2g}" if f"{least:.2g}" == f"{most:.2g}" else f"{least:.2g} to {most:.2g}"
            let_go = f"formula {name} no longer used: what was measured is {told} times what it predicts"
    return Prior(
        name=name,
        formula=formula,
        observed=len(seen),
        moved=moved,
        cheapest_level=table.cheapest_level(),
        let_go=let_go,
    )


def shape(formula: Formula) -> str:
    """Return the prediction, limits outside the ranges included, as arithmetic in the features alone."""
    known: dict[str, Node] = {}
    for name, node in formula.steps(_LEVEL):
        known[name] = grammar.substituted(node, known)
        if name == POINT:
            break
    return grammar.render(known[POINT])
