"""docs/commands.md says what the commands are."""

from pathlib import Path

import pytest

from planner.cli import reference

PAGE = Path(__file__).parent.parent.parent / "docs" / "commands.md"


def test_the_reference_is_that_of_the_commands() -> None:
    if PAGE.read_text() != reference.text():
        pytest.fail("docs/commands.md differs; write it anew: python -m planner.cli.reference > docs/commands.md")
