"""What comes next is said with the folder that was given."""

from pathlib import Path

import click
import pytest

from planner.cli.ui.options import project_option
from planner.cli.ui.output import in_place


@click.command()
@project_option
def command(folder: Path) -> None:
    click.echo(in_place("next: chromplan history import, or chromplan run --local"))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "next: chromplan history import, or chromplan run --local\n"),
        (["-C", "my runs"], "next: chromplan history import -C 'my runs', or chromplan run -C 'my runs' --local\n"),
    ],
)
def test_commands_name_the_project_that_was_named(
    given: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    command.main(given, standalone_mode=False)
    assert capsys.readouterr().out == said
