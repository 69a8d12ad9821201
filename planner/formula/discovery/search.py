"""Search for a formula: several methods compete, and errors on held-out rows decide.

Ways ("sources"): a plain log-linear formula; power laws added, multiplied or levelling off (:mod:`.powers`); an
engine of symbolic regression on the rows themselves ("direct"), and on many synthetic rows labelled by the
teacher ("distilled"). Each brings its front of accuracy against complexity. The rows are split into folds;
every source runs on the rest and is judged on the fold. The winner runs again on all rows; predictions that it makes
for a few rows at a time, from all others, calibrate the bound.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from planner.core.errors import InputError
from planner.formula import grammar
from planner.formula.discovery import engines, powers, teacher
from planner.formula.discovery.columns import LogColumns, rounded
from planner.formula.discovery.least_squares import Array
from planner.formula.discovery.numeric import EXACT, Program, log_error, mean_loss, refit
from planner.formula.discovery.prune import prune
from planner.formula.grammar import Node, Number

MOST_NODES = 30
FEWEST_ROWS = 6
FOLDS = 10
"""With only five folds, formulas are judged after a fit to four fifths of the rows, and others win."""
LOG_LINEAR = "log-linear"

_SATURATING = "saturating power law"
_SHAPES = {
    LOG_LINEAR: "power",
    "sum of power laws": "sum",
    "product of power laws": "product",
    "stretched power law": "stretched",
    _SATURATING: "saturating",
}
_PLAIN = tuple(source for source in _SHAPES if source != _SATURATING)
_FROM_ENGINE = ("direct", "distilled")

_LIMITS = (10, 14, 18, 22, 26)  # node limits tried below the greatest
_ROWS_FOR_ENGINES = 60  # below, shapes find as much as an engine in a quarter of its time
_ROWS_TO_SATURATE = 16  # below, two or three rows would decide where memory levels off
_SYNTHETIC_ROWS = 400
_PRUNED = 2  # formulas of a front that are too long and worth cutting to the limit
_REPEATS = 3  # repeats of the split, for sources that take a fraction of a second
_CALIBRATION_FOLDS = 50  # for a fast winner: formulas of nearly all rows have the same errors as the one of all rows
_AS_GOOD = 1.02  # a log-linear formula wins with errors, of both kinds, up to this times the best
_BOLDER = 1.05  # a formula that levels off, and one of an engine, must be better than every other before it by this
_CLEARLY = 1.2  # a lower limit than the one given must be better by this: the lowest of many errors is lucky
_BEST_PENALTY = 2.0  # log(rows) per constant, times this: BIC halves it, a beam of hundreds of forms needs more

Progress = Callable[[str], None]
_Numbers = npt.NDArray[np.int64]  # of rows
_Rows = tuple[Array, Array]  # of a table, and their peaks


@dataclass(frozen=True, kw_only=True, slots=True)
class SearchOptions:
    """How formulas are searched for.

    Attributes
    ----------
    engine : str
        ``operon`` or ``pysr``.
    seed : int
        The same seed gives the same formula.
    most_nodes : int
        Limit on constants, features, operators and functions together.
    folds : int
        Parts the rows are split into; an engine's formulas are judged on half as many.
    sources : sequence of str, optional
        Some of :func:`source_names`, by default all that the rows allow.
    progress : callable
        Told what is being done.
    """

    engine: str = "operon"
    seed: int = 0
    most_nodes: int = MOST_NODES
    folds: int = FOLDS
    sources: Sequence[str] | None = None
    progress: Progress = lambda _: None


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """Result of one source at one node limit.

    Attributes
    ----------
    source : str
    limit : int
        Nodes allowed.
    error : float
        Root of the mean (damped) squared error of log peak on the rows held out.
    mape : float
        Mean absolute error on the same rows, percent.
    predicted : array of shape (rows,)
        Predictions out of fold, MiB, in the order of the table.
    """

    source: str
    limit: int
    error: float
    mape: float
    predicted: Array


@dataclass(frozen=True, kw_only=True, slots=True)
class Discovery:
    """The found formula, and the results of all sources.

    Attributes
    ----------
    root : Node
    source : str
    standings : tuple of Standing
        All that competed, best first.
    front : tuple of Node
        The winner's front on all rows, simplest first.
    predicted : array of shape (rows,)
        The winner's predictions of rows by formulas that have not seen them, MiB.
    teacher_scale : str or None
        ``log`` or ``raw``; None if no teacher was used.
    """

    root: Node
    source: str
    standings: tuple[Standing, ...]
    front: tuple[Node, ...]
    predicted: Array
    teacher_scale: str | None


class Competition:
    """The sources, each judged on rows held out.

    Parameters
    ----------
    names : sequence of str
        Features, the columns of ``table``.
    table : array of shape (rows, features)
    peaks : array of shape (rows,)
        MiB, > 0.
    options : SearchOptions, optional

    Attributes
    ----------
    standings : tuple of Standing
        Every source at the limit that suits it, best source first.

    Raises
    ------
    InputError
        For fewer than 6 rows, when no feature varies, or an engine that is not installed.
    """

    def __init__(
        self,
        names: Sequence[str],
        table: Array,
        peaks: Array,
        options: SearchOptions | None = None,
    ) -> None:
        options = options or SearchOptions()
        _check(table, peaks)
        self._names, self._table, self._peaks = tuple(names), table, peaks
        self._search = _Search(self._names, options)
        wanted = source_names(options.engine) if options.sources is None else options.sources
        chosen = _allowed(wanted, len(peaks))
        self._search.choose_scale(table, peaks, chosen)
        judged = [_judge(self._search, one, table, peaks, options.folds) for one in chosen]
        self.standings = tuple(sorted(judged, key=lambda s: s.error))

    @property
    def winner(self) -> Standing:
        """The source of lowest error, or a safer one that is about as good: one that grows, preferably log-linear."""
        best = self.standings[0]
        for safer in (_PLAIN, _SHAPES):
            found = next((one for one in self.standings if one.source in safer), best)
            if found.error <= _BOLDER * best.error:
                best = found
                break
        for one in self.standings:
            if one.source == LOG_LINEAR and one.error <= _AS_GOOD * best.error and one.mape <= _AS_GOOD * best.mape:
                return one
        return best

    def formula_of(self, standing: Standing) -> Discovery:
        """Run a source again, on all rows, and where that is quick on all but a few, all in turn."""
        names, table, peaks = self._names, self._table, self._peaks
        predicted = standing.predicted
        if not standing.source.endswith(_FROM_ENGINE):
            predicted = _to_calibrate(self._search, standing.source, table, peaks, standing.limit)
        self._search.progress(f"{standing.source} on all {len(peaks)} rows")
        (front,) = self._search.fronts(standing.source, [(table, peaks)])
        (best,) = _best(front, names, table, peaks, [standing.limit])
        return Discovery(
            root=_rounded(best),
            source=standing.source,
            standings=self.standings,
            front=tuple(front),
            predicted=predicted,
            teacher_scale=self._search.scale,
        )


def source_names(engine: str) -> tuple[str, ...]:
    """Return the sources that compete when an engine is chosen."""
    return (*_SHAPES, f"{engine} direct", f"{engine} distilled")


def _allowed(sources: Sequence[str], rows: int) -> list[str]:
    least = {_SATURATING: _ROWS_TO_SATURATE, **dict.fromkeys(_PLAIN, FEWEST_ROWS)}
    return [one for one in sources if rows >= least.get(one, _ROWS_FOR_ENGINES)]


def _check(table: Array, peaks: Array) -> None:
    if len(peaks) < FEWEST_ROWS:
        raise InputError(
            f"{len(peaks)} rows are too few for a formula", f"it takes {FEWEST_ROWS}; plan with the model until then"
        )
    if not np.any(np.ptp(table, axis=0) > 0.0):
        raise InputError("no feature varies over the rows", "give features that differ between the tasks")


class _Search:
    """Runs a source on rows; the teacher of a fold is asked once and kept only for that fold."""

    def __init__(self, names: tuple[str, ...], options: SearchOptions) -> None:
        self.names, self.most_nodes, self.seed = names, options.most_nodes, options.seed
        self.progress = options.progress
        self._engine = engines.engine(options.engine)
        self.scale: str | None = None

    def choose_scale(self, table: Array, peaks: Array, sources: Sequence[str]) -> None:
        """Choose the teacher's scale once, on all rows, where a source needs a teacher."""
        if any(source.endswith("distilled") for source in sources):
            logs = LogColumns.of(self.names, table).logs(table)
            self.scale = teacher.better_scale(logs, peaks, self.seed, self.progress)

    def fronts(self, source: str, parts: Sequence[_Rows]) -> list[list[Node]]:
        """Return a source's formulas for each part of the rows, within the node limit, fitted to it, simplest first."""
        if source.endswith(_FROM_ENGINE):
            found = [self._expressions(source, table, peaks) for table, peaks in parts]
        else:
            logs = [powers.TrainingRows.of(self.names, table, peaks) for table, peaks in parts]
            fits = powers.search(logs, shape=_SHAPES[source], most_nodes=self.most_nodes)
            found = [[powers.arithmetic(one.columns, fit) for fit in of] for one, of in zip(logs, fits, strict=True)]
        return [sorted(front, key=grammar.size) for front in found]

    def _expressions(self, source: str, table: Array, peaks: Array) -> list[Node]:
        columns = LogColumns.of(self.names, table)
        if not columns.usable:
            return []
        logs = columns.logs(table)
        rows, labels = logs, peaks
        if source.endswith("distilled"):
            told = teacher.teach(logs, peaks, seed=self.seed, scale=self.scale)
            rows = teacher.synthesise(logs, _SYNTHETIC_ROWS, np.random.default_rng(self.seed))
            labels = told.predict(rows)
        found = engines.front(self._engine, columns, rows, labels, seed=self.seed)
        refitted = [refit(node, self.names, table, peaks) for node in found if grammar.size(node) <= self.most_nodes]
        longer = [node for node in found if grammar.size(node) > self.most_nodes]
        longer.sort(key=lambda node: log_error(node, self.names, table, peaks))
        cut = [prune(node, self.names, table, peaks, most_nodes=self.most_nodes) for node in longer[:_PRUNED]]
        return [node for node in refitted + cut if grammar.names(node)]


def _judge(search: _Search, source: str, table: Array, peaks: Array, folds: int) -> Standing:
    """Return a source's result at the full node limit, or at a lower one that is clearly better."""
    limits = [limit for limit in _LIMITS if limit < search.most_nodes] + [search.most_nodes]
    rng = np.random.default_rng(search.seed)
    orders = [rng.permutation(len(peaks)) for _ in range(_REPEATS)]
    # an engine takes seconds per fold; few folds only make it harder to win, and its formulas vary with the rows
    repeats, parts = (1, max(2, folds // 2)) if source.endswith(_FROM_ENGINE) else (_REPEATS, min(folds, len(peaks)))
    times = f"{repeats} times " if repeats > 1 else ""
    search.progress(f"{source}: {times}{parts} folds")
    rounds = _out_of_fold(search, source, table, peaks, limits, orders[:repeats], parts)
    losses = np.array([[mean_loss(np.log(row / peaks)) for row in predicted] for predicted in rounds])
    errors = np.sqrt(losses.mean(axis=0))
    k = int(np.argmin(errors))
    if errors[-1] <= _CLEARLY * errors[k]:
        k = len(limits) - 1
    mape = 100.0 * float(np.mean(np.abs(rounds[:, k] / peaks - 1.0)))
    return Standing(source=source, limit=limits[k], error=float(errors[k]), mape=mape, predicted=rounds[0, k])


def _to_calibrate(search: _Search, source: str, table: Array, peaks: Array, limit: int) -> Array:
    """Return predictions of each row by a formula fitted to nearly all other rows, shape (rows,)."""
    folds = min(_CALIBRATION_FOLDS, len(peaks))
    search.progress(f"{source}: {folds} folds to calibrate")
    order = np.random.default_rng(search.seed).permutation(len(peaks))
    predicted: Array = _out_of_fold(search, source, table, peaks, [limit], [order], folds)[0, 0]
    return predicted


def _out_of_fold(
    search: _Search,
    source: str,
    table: Array,
    peaks: Array,
    limits: Sequence[int],
    orders: Sequence[_Numbers],
    folds: int,
) -> Array:
    """Return predictions of rows by formulas that have not seen them, shape (orders, limits, rows)."""
    predicted = np.full((len(orders), len(limits), len(peaks)), np.nan)
    held = [(i, order[fold::folds]) for i, order in enumerate(orders) for fold in range(folds)]
    rest = [np.setdiff1d(np.arange(len(peaks)), out) for _, out in held]
    fronts = search.fronts(source, [(table[seen], peaks[seen]) for seen in rest])
    for (i, out), seen, front in zip(held, rest, fronts, strict=True):
        best = _best(front, search.names, table[seen], peaks[seen], limits)
        for k, node in enumerate(best):
            predicted[i, k, out] = _predict(node, search.names, table[out], peaks[seen])
    return predicted


def _predict(node: Node, names: Sequence[str], table: Array, seen: Array) -> Array:
    """Return predictions no lower than the smallest peak seen, no higher than ten times the largest."""
    values = Program(node, names).values(table)
    return np.clip(np.nan_to_num(values, nan=np.inf), seen.min(), 10.0 * seen.max())


def _best(front: Sequence[Node], names: Sequence[str], table: Array, peaks: Array, limits: Sequence[int]) -> list[Node]:
    """Return, per node limit, the formula that fits best for its number of constants; without any, a constant."""

    def criterion(node: Node) -> float:
        constants = len(Program(node, names).constants)
        error = log_error(node, names, table, peaks)
        return float(len(peaks) * np.log(error + EXACT) + np.log(len(peaks)) * constants / _BEST_PENALTY)

    ranked = sorted(front, key=criterion)
    constant = Number(float(np.exp(np.mean(np.log(peaks)))))
    return [next((node for node in ranked if grammar.size(node) <= limit), constant) for limit in limits]


def _rounded(node: Node) -> Node:
    program_names = grammar.names(node)
    program = Program(node, program_names)
    return program.with_constants(np.array([rounded(float(value)) for value in program.constants]))
