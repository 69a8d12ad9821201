"""The pages on chromplan.toml and on site files: every field, no other, each with its default and its unit."""

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel

from planner.core.config import Config, Memory, Pipeline, Submit
from planner.site import Partition, Site
from planner.site.partition import Account

DOCS = Path(__file__).parent.parent / "docs"
SITES = DOCS / "sites.md"
CONFIGURATION = DOCS / "configuration.md"
# one table of a page: which heads it, and what its fields are those of
TABLES: dict[str, tuple[Path, str, type[BaseModel]]] = {
    "[pipeline]": (CONFIGURATION, r"## `\[pipeline\]`.*?\n", Pipeline),
    "[memory]": (CONFIGURATION, r"## `\[memory\]`.*?\n", Memory),
    "[submit]": (CONFIGURATION, r"## `\[submit\]`.*?\n", Submit),
    "site": (SITES, r"(?=\| field \|)", Site),
    "partition": (SITES, r"(?=\| field of a partition \|)", Partition),
    "account": (SITES, r"(?=\| field of `account` \|)", Account),
}
UNITS = {"_mb": "MiB", "_s": "seconds"}


class Row(NamedTuple):
    """What a page says of a field."""

    default: str
    meaning: str


def rows(table: str) -> dict[str, Row]:
    """Return field -> row of the first table behind its heading."""
    page, heading, _ = TABLES[table]
    below = re.split(heading, page.read_text(), maxsplit=1)[1]
    lines = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert lines is not None
    found: dict[str, Row] = {}
    for line in lines[0].splitlines()[2:]:
        fields, default, meaning = (cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:4])
        found |= {field: Row(default, meaning) for field in re.findall(r"`(\w+)`", fields)}
    return found


def written(default: str) -> Any:
    """Return the value that a cell gives; None where it gives none but says what holds instead."""
    try:
        return tomllib.loads(f"x = {default.strip('`')}")["x"]
    except tomllib.TOMLDecodeError:
        return None


FIELDS = [(table, field) for table, (_, _, model) in TABLES.items() for field in model.model_fields]


@pytest.mark.parametrize("table", TABLES)
def test_a_table_has_the_fields_there_are_and_no_other(table: str) -> None:
    assert set(rows(table)) == set(TABLES[table][2].model_fields)


@pytest.mark.parametrize(("table", "field"), FIELDS)
def test_a_field_is_documented_with_its_default(table: str, field: str) -> None:
    info, said = TABLES[table][2].model_fields[field], rows(table)[field].default
    if info.is_required():
        assert said == ""
        return
    default = info.get_default(call_default_factory=True)
    if (table, field) == ("partition", "headroom_mb"):
        assert said == "the site's"  # which is 0 by itself
    elif default is None or isinstance(default, list | tuple | dict | BaseModel):
        assert said
        assert written(said) is None
    else:
        assert written(said) == default


@pytest.mark.parametrize(("table", "field"), FIELDS)
def test_a_field_with_a_unit_is_documented_with_it(table: str, field: str) -> None:
    for suffix, unit in UNITS.items():
        if field.endswith(suffix):
            assert unit in rows(table)[field].meaning


def test_the_features_are_documented_with_their_default() -> None:
    ((name, source),) = Config.model_fields["features"].get_default().items()
    assert f'the default is `{name} = "{source}"`' in CONFIGURATION.read_text()


def test_every_section_of_chromplan_toml_has_its_heading() -> None:
    headings = re.findall(r"^## `\[(\w+)\]`", CONFIGURATION.read_text(), re.MULTILINE)
    assert set(headings) == set(Config.model_fields)
