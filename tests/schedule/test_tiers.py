"""Memory tiers: few values, least waste."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.schedule import tiers

requests = st.lists(st.integers(1, 50), min_size=1, max_size=7)


def waste(values: list[int], assigned: list[int], weights: list[float]) -> float:
    top = {tier: max(v for v, t in zip(values, assigned, strict=True) if t == tier) for tier in assigned}
    return sum(w * (top[t] - v) for v, t, w in zip(values, assigned, weights, strict=True))


@settings(deadline=None, max_examples=50)
@given(requests, st.integers(1, 4), st.data())
def test_no_other_assignment_wastes_less(values: list[int], most: int, data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.floats(0.5, 10), min_size=len(values), max_size=len(values)))
    found = waste(values, tiers.partition(values, weights, most=most), weights)
    best = min(waste(values, list(a), weights) for a in itertools.product(range(most), repeat=len(values)))
    assert found <= best + 1e-6


@given(requests, st.integers(1, 4))
def test_tiers_are_numbered_by_memory_and_no_more_than_asked_for(values: list[int], most: int) -> None:
    assigned = tiers.partition(values, most=most)
    assert set(assigned) == set(range(max(assigned) + 1))
    assert len(set(assigned)) <= most
    ordered = [tier for _, tier in sorted(zip(values, assigned, strict=True))]
    assert ordered == sorted(ordered)


def test_equal_requests_share_one_tier() -> None:
    assert tiers.partition([7, 7, 7], most=4) == [0, 0, 0]


def test_nothing_needs_no_tier() -> None:
    assert tiers.partition([], most=4) == []
