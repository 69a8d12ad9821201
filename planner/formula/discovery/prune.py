"""Pruning: formulas cut to a node limit, least useful part first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from planner.formula import grammar
from planner.formula.discovery.least_squares import Array
from planner.formula.discovery.numeric import EXACT, log_error, refit
from planner.formula.discovery.tidy import tidy
from planner.formula.grammar import Call, Node, Number

_QUICK = 3  # steps that tell a good cut from a bad one


def prune(node: Node, names: Sequence[str], table: Array, peaks: Array, *, most_nodes: int) -> Node:
    """Cut summands and factors until the formula has at most ``most_nodes`` nodes, refitting its constants.

    Parameters
    ----------
    node : Node
    names : sequence of str
        Columns of ``table``.
    table : array of shape (rows, features)
    peaks : array of shape (rows,)
        MiB, > 0.
    most_nodes : int

    Returns
    -------
    Node
        Unchanged when it is short enough.
    """
    while grammar.size(node) > most_nodes:
        error = log_error(node, names, table, peaks)

        def price(shorter: Node, size: int = grammar.size(node), error: float = error) -> float:
            saved = size - max(grammar.size(shorter), most_nodes)
            return float(np.log((log_error(shorter, names, table, peaks) + EXACT) / (error + EXACT))) / saved

        shorter = [refit(cut, names, table, peaks, steps=_QUICK) for cut in _cuts(node)]
        node = refit(min(shorter, key=price), names, table, peaks)
    return node


def _cuts(node: Node) -> list[Node]:
    size = grammar.size(node)
    tidied = dict.fromkeys(tidy(cut) for cut in _without_one_part(node))
    smaller = [cut for cut in tidied if grammar.size(cut) < size and grammar.names(cut)]
    return smaller or [Number(1.0)]


def _without_one_part(node: Node) -> Iterator[Node]:
    if not isinstance(node, Call):
        return
    if node.operation in ("add", "mul"):
        yield from node.arguments
    elif node.operation in ("sub", "pow", "div"):
        yield node.arguments[0]
    for i, argument in enumerate(node.arguments):
        for shorter in _without_one_part(argument):
            yield Call(node.operation, (*node.arguments[:i], shorter, *node.arguments[i + 1 :]))
