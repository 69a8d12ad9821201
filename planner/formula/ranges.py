"""Ranges of a formula's features and of their ratios, and the arithmetic by which a bound heeds them."""

from __future__ import annotations

from dataclasses import dataclass

from planner.formula.grammar import Call, Name, Node, Number

_MOST_FOLD_BELOW = 16.0  # a feature may be 0: "how many times smaller" needs an end, and so does a log


@dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """A feature's unit and the range of the rows behind the formula.

    Attributes
    ----------
    source : str
        The default for pipelines that do not define the feature: ``length``, the chromosome's length in Mb, or a
        number; empty if the feature must be defined.
    """

    low: float
    high: float
    unit: str = ""
    source: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ratio:
    """The highest ``over / under`` in the rows behind the formula; both are features that are always > 0 there.

    Each feature of a task may be inside its own range while their ratio is not: ranges alone are a box, of which the
    rows fill a part. There is no lowest ratio: ``over`` is the feature with which memory grows more, so that a lower
    ratio is a task that needs less.
    """

    over: str
    under: str
    high: float

    @property
    def text(self) -> str:
        """The ratio as arithmetic."""
        return f"{self.over}/{self.under}"


def not_far_below(name: str, known: Feature) -> Node:
    """Keep a feature where the formula has a value: a log or a root has none at 0."""
    return Call("max", (Name(name), Number(known.low / _MOST_FOLD_BELOW if known.low > 0.0 else known.low)))


def clamped(name: str, known: Feature) -> Node:
    """Keep a feature within its range."""
    return Call("min", (Call("max", (Name(name), Number(known.low))), Number(known.high)))


def folds(name: str, known: Feature) -> tuple[Node, Node]:
    """Return the factors by which a feature is above and below its range: at most 1 inside."""
    x, low, high = Name(name), known.low, known.high
    if low > 0.0:
        at_least = Call("max", (x, Number(low / _MOST_FOLD_BELOW)))
        return Call("div", (x, Number(high))), Call("div", (Number(low), at_least))
    span = Number(high - low if high > low else 1.0)
    above = Call("div", (Call("sub", (x, Number(high))), span))
    below = Call("div", (Call("sub", (Number(low), x)), span))
    return Call("add", (Number(1.0), above)), Call("add", (Number(1.0), below))


def piecewise(point: Node, knots: tuple[float, ...], factors: tuple[float, ...]) -> Node:
    """Write :meth:`Calibration.upper` as a sum of clamped pieces, which every language can evaluate."""
    pieces = [_scaled(Call("min", (point, Number(knots[0]))) if len(knots) > 1 else point, factors[0])]
    for i in range(len(knots) - 1):
        x0, x1 = knots[i], knots[i + 1]
        slope = (x1 * factors[i + 1] - x0 * factors[i]) / (x1 - x0)
        inside = Call("min", (Call("max", (point, Number(x0))), Number(x1)))
        pieces.append(_scaled(Call("sub", (inside, Number(x0))), slope))
    if len(knots) > 1:
        beyond = Call("sub", (Call("max", (point, Number(knots[-1]))), Number(knots[-1])))
        pieces.append(_scaled(beyond, factors[-1]))
    total, *rest = pieces
    for piece in rest:
        total = Call("add", (total, piece))
    return total


def _scaled(node: Node, factor: float) -> Node:
    return Call("mul", (Number(factor), node))
