"""The Python function, and one that makes it a rule's ``mem_mb``, raised at every retry."""

from __future__ import annotations

from planner.core.retry import GROWTH
from planner.formula.exports import python
from planner.formula.exports._exported import Exported


def write(asked: Exported) -> str:
    """Return the two functions."""
    function = asked.function
    names = ", ".join(f"{name}=…" for name in asked.inputs)
    return (
        python.write(asked)
        + f'''

def {function}_of(features):
    """Return mem_mb for a rule; every retry asks for twice as much.

    rule …:
        resources:
            mem_mb={function}_of(lambda wildcards: dict({names}))
    """

    def mem_mb(wildcards, attempt):
        return {function}(**features(wildcards)) * {GROWTH} ** (attempt - 1)

    return mem_mb
'''
    )
