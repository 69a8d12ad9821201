"""Memory x time is told in a unit that people read, the same for all that stands side by side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.core.memory_time import unit_for

GB_H = 1024 * 3600


@pytest.mark.parametrize(
    ("gb_h", "expected"),
    [
        (36_123.4, "36,123 GB·h"),
        (5.678, "5.68 GB·h"),
        (0.1, "0.1 GB·h"),
        (0.01234, "12.6 MB·h"),
        (0.09999, "102 MB·h"),
        (8.18e-5, "302 MB·s"),
        (0.0, "0 MB·s"),
    ],
)
def test_amounts_are_written_for_people(gb_h: float, expected: str) -> None:
    assert unit_for(gb_h * GB_H).text(gb_h * GB_H) == expected


@given(st.lists(st.floats(0, 1e15), min_size=1))
def test_amounts_side_by_side_have_one_unit_and_no_exponent(amounts_mb_s: list[float]) -> None:
    unit = unit_for(max(amounts_mb_s))
    assert not any("e" in unit.number(mb_s) for mb_s in amounts_mb_s)
