"""Formulas: memory models as one line of arithmetic, with units, ranges, calibration and origin.

Nothing here needs numpy: a login node can evaluate a formula in a millisecond. The bound is itself
arithmetic of the same grammar (:meth:`Formula.steps`), so what the exports print is what is evaluated here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from planner.core.errors import InputError
from planner.core.frames import html_table
from planner.formula import grammar, parser
from planner.formula.conformal import Calibration
from planner.formula.grammar import Call, Name, Node, Number
from planner.formula.ranges import Feature, Ratio, clamped, folds, not_far_below, piecewise

WIDENING = 0.5
"""Outside the ranges the bound grows with this power of the excess: at twice the largest value seen, 2^0.5 times."""

RATIO_WIDENING = 0.35
"""The same for the ratio of two features, which can exceed all ratios seen although neither feature does."""

PREFIX = "cp_"
POINT, UPPER = f"{PREFIX}point", f"{PREFIX}upper"
_WIDENED = f"{PREFIX}widening"

_MOST_SHOWN = 200  # most characters of a formula that is shown as a name
ROUNDING_SLACK = 1e-6  # MiB; libraries differ in the last digit, and 100.0000000001 is 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """A prediction and the request that follows from it.

    Attributes
    ----------
    point_mb, upper_mb : float
        Expected peak and the bound at ``level``, MiB.
    request_mb : int
        The bound rounded up to whole MiB.
    outside : tuple of str
        What lies outside the ranges, in words; empty inside.
    widened : float
        Factor by which the bound was widened for that; 1 inside.
    reason : str
        All of it in one line.
    """

    point_mb: float
    upper_mb: float
    request_mb: int
    level: float
    outside: tuple[str, ...]
    widened: float
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Formula:
    """A formula and its provenance.

    Attributes
    ----------
    root : Node
        The arithmetic; its value is the expected peak, MiB.
    features : mapping of str to Feature
        Unit and range of the features of the rows behind the formula, whether it uses them or not; empty when nothing
        is known about them.
    floor_mb : float
        The smallest peak seen: no prediction is below it.
    largest_mb : float or None
        The largest peak seen; None in files written before it was kept.
    calibration : Calibration or None
        None when the formula was written by hand.
    widening, ratio_widening : float
        See :data:`WIDENING` and :data:`RATIO_WIDENING`.
    ratios : tuple of Ratio
        Ratios of features above which the bound is widened too.
    errors : mapping of str to float
        Errors on rows held out (``pearson``, ``r2``, ``mape`` in percent).
    """

    root: Node
    tool: str = ""
    target: str = "peak_mb"
    engine: str = "by hand"
    date: str = ""
    rows: int = 0
    seed: int | None = None
    floor_mb: float = 1.0
    largest_mb: float | None = None
    features: Mapping[str, Feature] = field(default_factory=dict)
    calibration: Calibration | None = None
    widening: float = WIDENING
    ratio_widening: float = RATIO_WIDENING
    ratios: tuple[Ratio, ...] = ()
    errors: Mapping[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        text = self.text if len(self.text) <= _MOST_SHOWN else f"{self.text[:_MOST_SHOWN]}…"
        return f"<Formula of {self.tool or 'no tool'}: {text} MiB, from {self.rows} rows>"

    def _repr_html_(self) -> str:
        rows = [(name, known.low, known.high, known.unit) for name, known in self.features.items()]
        return html_table(repr(self), ("feature", "least seen", "greatest seen", "unit"), rows)

    @property
    def text(self) -> str:
        """The arithmetic as text."""
        return grammar.render(self.root)

    @property
    def names(self) -> tuple[str, ...]:
        """The features it needs, in order of first appearance."""
        return grammar.names(self.root)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The features that the bound needs: those of the arithmetic, then all others with a range."""
        return (*self.names, *(name for name in self.features if name not in self.names))

    @property
    def nodes(self) -> int:
        """The number of its constants, features, operators and functions."""
        return grammar.size(self.root)

    def evaluate(self, features: Mapping[str, float]) -> float:
        """Return the value of the arithmetic, MiB; errors as in :func:`planner.formula.grammar.evaluate`."""
        return grammar.evaluate(self.root, features)

    def upper(self, features: Mapping[str, float], level: float) -> float:
        """Return the bound at a level in (0, 1], MiB: calibrated inside the ranges, widened outside them."""
        return self._run(features, level)[UPPER]

    def outside(self, features: Mapping[str, float]) -> tuple[str, ...]:
        """Return in words which features and ratios lie outside the ranges of the rows behind the formula."""
        said = []
        for name, known in self.features.items():
            if not known.low <= features[name] <= known.high:
                unit = f" {known.unit}" if known.unit else ""
                said.append(f"{name} {features[name]:g} is outside {known.low:g} to {known.high:g}{unit}")
        for ratio in self.ratios:
            value = grammar.evaluate(self._quotient(ratio), features)
            if value > ratio.high:
                said.append(f"{ratio.text} {value:g} is above {ratio.high:g}")
        return tuple(said)

    def widened(self, features: Mapping[str, float]) -> float:
        """Return the factor by which the bound is widened for what lies outside the ranges; 1 inside."""
        return grammar.evaluate(self._widening_factor(), features)

    def bound(self, features: Mapping[str, float], level: float) -> Bound:
        """Return prediction, bound and request, with the reason.

        Raises
        ------
        InputError
            Without a calibration, for a missing feature, and where the arithmetic has no finite value.
        """
        at = self._run(features, level)
        point, upper, widened = at[POINT], at[UPPER], at[_WIDENED]
        outside = self.outside(features)
        reason = f"formula {point:.0f} MB, {_calibration(self).note(level)}: {upper:.0f} MB"
        if outside:
            reason += f"; widened {widened:.2f}-fold, {', '.join(outside)}"
        return Bound(
            point_mb=point,
            upper_mb=upper,
            request_mb=request_mb(upper),
            level=level,
            outside=outside,
            widened=widened,
            reason=reason,
        )

    def steps(self, level: float) -> list[tuple[str, Node]]:
        """Return the bound at a level as assignments, each using the features and the names assigned before it.

        Inside the ranges ``point`` is the formula, never below the smallest peak seen. Outside, it is the formula too,
        but at most its value at the nearest point of the ranges times the fold by which each feature exceeds them: a
        task twice as long as any seen is not believed to need more than twice the memory because a curve bends upwards.
        ``upper`` is the calibrated bound times ``widening``, the largest fold outside a range (also that of a feature
        which the arithmetic does not use: rows beyond its range might have shown that it matters) to the power
        :attr:`widening`, or that above a ratio to the power :attr:`ratio_widening` where this is more. All names
        assigned start with :data:`PREFIX`.

        Raises
        ------
        InputError
            Without a calibration, or for a feature whose name starts with the prefix.
        """
        calibration = _calibration(self)
        known = {name: self.features[name] for name in self.names if name in self.features}
        if taken := [name for name in self.inputs if name.startswith(PREFIX)]:
            raise InputError(
                f"the feature {taken[0]} starts with {PREFIX}", "rename it: the bound uses such names itself"
            )
        steps: list[tuple[str, Node]] = []
        for name, feature in known.items():
            steps.append((f"{PREFIX}{name}_from", not_far_below(name, feature)))
            steps.append((f"{PREFIX}{name}_within", clamped(name, feature)))
        value = grammar.substituted(self.root, {name: Name(f"{PREFIX}{name}_from") for name in known})
        limit = grammar.substituted(self.root, {name: Name(f"{PREFIX}{name}_within") for name in known})
        for name, feature in known.items():
            above, _ = folds(name, feature)
            limit = Call("mul", (limit, Call("max", (Number(1.0), above))))
        steps += [(f"{PREFIX}value", value), (f"{PREFIX}limit", limit)]
        least = Call("min", (Name(f"{PREFIX}value"), Name(f"{PREFIX}limit")))
        bound = piecewise(Name(POINT), calibration.knots_mb, calibration.factors_at(level))
        return [
            *steps,
            (POINT, Call("max", (least, Number(self.floor_mb)))),
            (_WIDENED, self._widening_factor()),
            (UPPER, Call("mul", (bound, Name(_WIDENED)))),
        ]

    def _widening_factor(self) -> Node:
        fold: Node = Number(1.0)
        for name, feature in self.features.items():
            above, below = folds(name, feature)
            fold = Call("max", (Call("max", (fold, above)), below))
        widened: Node = Call("pow", (fold, Number(self.widening)))
        if not self.ratios:
            return widened
        return Call("max", (widened, Call("pow", (self._ratio_fold(), Number(self.ratio_widening)))))

    def _ratio_fold(self) -> Node:
        """Return the largest fold by which a ratio is above the highest seen; 1 below all."""
        fold: Node = Number(1.0)
        for ratio in self.ratios:
            fold = Call("max", (fold, Call("div", (self._quotient(ratio), Number(ratio.high)))))
        return fold

    def _quotient(self, ratio: Ratio) -> Node:
        over, under = (not_far_below(name, self.features[name]) for name in (ratio.over, ratio.under))
        return Call("div", (over, under))

    def _run(self, features: Mapping[str, float], level: float) -> dict[str, float]:
        at = dict(features)
        for name, node in self.steps(level):
            at[name] = grammar.evaluate(node, at)
        return at


def parse(text: str) -> Formula:
    """Return a formula from bare arithmetic: no ranges, no calibration (errors: `planner.formula.parser`)."""
    return Formula(root=parser.parse(text))


def request_mb(upper_mb: float) -> int:
    """Return a bound as a request: rounded up to whole MiB, at least 1."""
    return max(1, math.ceil(upper_mb - ROUNDING_SLACK))


def _calibration(formula: Formula) -> Calibration:
    if formula.calibration is None:
        raise InputError(
            "the formula has no calibration table, so no bound can be given",
            "fit it from rows ('chromplan fit --symbolic'), or set a margin of your own",
        )
    return formula.calibration
