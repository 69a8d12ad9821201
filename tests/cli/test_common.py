"""Sentences that differ in their numbers alone are said once."""

import pytest

from planner.cli.ui.common import in_common


@pytest.mark.parametrize(
    ("sentences", "said"),
    [
        (["first round"], "first round"),
        (["79 MB + 20 % safety, 66 runs", "147 MB + 9 % safety, 66 runs"], "79 to 147 MB + 9 to 20 % safety, 66 runs"),
        (["1.5 GB", "0.9 GB"], "0.9 to 1.5 GB"),
        (["killed at 80 MB", "predicted 80 MB"], None),
        (["as in r001 for chr2", "as in r001 for chr3"], None),
        (["8G was not enough", "9G was not enough"], None),
    ],
)
def test_numbers_become_ranges_and_names_stay(sentences: list[str], said: str | None) -> None:
    assert in_common(sentences) == said
