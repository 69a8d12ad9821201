"""Features: what a task is known by before it runs."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.errors import InputError
from planner.plan.features import Readers, Spec, TaskFacts, parse_spec, parse_specs, resolve

LENGTHS = {"1": 248_956_422, "21": 46_709_983}


def missing(path: str) -> float:
    raise FileNotFoundError(2, "No such file or directory", path)


READERS = Readers(
    size=lambda path: {"ref.1.vcf.gz": 1000.0, "a b.vcf": 5.0}[path],
    records=lambda path, chromosome, span: 200.0 if chromosome == "1" else 0.0,
    samples=lambda path: 50.0,
)


def values(table: Mapping[str, str | float], **fields: Any) -> dict[str, float]:
    given_fields: dict[str, Any] = {
        "task": "s1.chr1",
        "chromosome": "1",
        "lengths": LENGTHS,
        "parameters": {"depth": "30.5", "cohort": "old", "empty": " ", "threads": 4},
        "cpus": 8,
        "placeholders": {"chromosome": "1", "sample": "a b"},
        "readers": READERS,
    }
    return resolve(parse_specs(table), TaskFacts(**(given_fields | fields)))


def test_length_is_the_chromosome_in_megabases() -> None:
    assert values({"length_mb": "length"}) == {"length_mb": 248.956422}


def test_a_number_stands_for_itself() -> None:
    assert values({"a": 4, "b": "2.5", "c": 1e6}) == {"a": 4.0, "b": 2.5, "c": 1e6}


def test_a_column_of_the_sample_table_and_a_tool_parameter_are_taken_by_name() -> None:
    assert values({"d": "depth", "t": "threads", "n": "cpus"}) == {"d": 30.5, "t": 4.0, "n": 8.0}


def test_text_is_kept_with_its_value_in_the_name() -> None:
    assert values({"panel": "text:cohort", "d": "depth"}) == {"panel=old": 1.0, "d": 30.5}
    with pytest.raises(InputError, match="feature panel: empty is empty"):
        values({"panel": "text:empty"})
    with pytest.raises(InputError, match="no column after text:"):
        values({"panel": "text: "})


def test_files_are_measured_with_placeholders_filled_in() -> None:
    table = {
        "in_bytes": "size:ref.{chromosome}.vcf.gz",
        "odd": "size:{sample}.vcf",
        "variants": "records:ref.vcf.gz",
        "n": "samples:x",
    }
    assert values(table) == {"in_bytes": 1000.0, "odd": 5.0, "variants": 200.0, "n": 50.0}


@pytest.mark.parametrize(
    ("table", "fields", "said"),
    [
        ({"x": "cohort"}, {}, "task s1.chr1, feature x: cohort is 'old', not a number"),
        ({"x": "empty"}, {}, "task s1.chr1, feature x: empty is empty"),
        ({"x": "depht"}, {}, "task s1.chr1, feature x: there is no column or parameter 'depht'"),
        ({"x": "depth"}, {"parameters": {"depth": "nan"}}, "task s1.chr1, feature x: depth is 'nan', not a number"),
        ({"x": "depth"}, {"parameters": {"depth": None}}, "task s1.chr1, feature x: depth is empty"),
        ({"x": "depth"}, {"parameters": {"depth": True}}, "task s1.chr1, feature x: depth is 'True', not a number"),
        ({"x": "length"}, {"chromosome": "99"}, "task s1.chr1, feature x: the genome has no chromosome '99'"),
        ({"x": "size:{chrom}.vcf"}, {}, "task s1.chr1, feature x: unknown placeholder {chrom} in '{chrom}.vcf'"),
        ({"x": "size:a"}, {"readers": None}, "task s1.chr1, feature x: size:a needs file access"),
        (
            {"x": "size:a"},
            {"readers": Readers(size=missing, records=lambda p, c, span: 0.0, samples=missing)},
            "task s1.chr1, feature x: a: No such file or directory",
        ),
    ],
)
def test_a_missing_or_non_numeric_value_names_task_and_feature(
    table: dict[str, str], fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError) as raised:
        values(table, **fields)
    assert raised.value.message == said
    assert raised.value.hint


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a b", "length", "feature name 'a b' is not a plain word"),
        ("x", "", "features.x: '' is not a specification"),
        ("x", True, "features.x: True is not a specification"),
        ("x", "size:", "features.x: no path after size:"),
        ("x", "bytes:ref.vcf", "features.x: unknown kind 'bytes'"),
        ("x", "inf", "features.x: inf is not a finite number"),
        ("x", float("nan"), "features.x: nan is not a finite number"),
    ],
)
def test_a_wrong_specification_names_the_feature(name: str, text: Any, said: str) -> None:
    with pytest.raises(InputError) as raised:
        parse_spec(name, text)
    assert raised.value.message == said


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=20))
def test_any_text_is_a_specification_or_a_clear_error(text: str) -> None:
    try:
        spec = parse_spec("x", text)
    except InputError as error:
        assert "features.x" in error.message
    else:
        assert isinstance(spec, Spec)


def test_the_map_length_comes_from_the_genetic_map() -> None:
    read = replace(READERS, map_length_cm=lambda chromosome, span: 180.0 if span is None else (span[1] - span[0]) / 1e6)
    assert values({"cm": "map_length"}, readers=read) == {"cm": 180.0}
    assert values({"cm": "map_length"}, readers=read, span=(1, 5_000_001)) == {"cm": 5.0}
    with pytest.raises(InputError, match=r"task s1\.chr1, feature cm: no genetic map is named"):
        values({"cm": "map_length"})
