"""chromplan.toml: what it may say, and errors that name file and field."""

import os
import re
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planner.core import config, pipelines
from planner.core.config import Submit
from planner.core.documents import parse_toml
from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.core.toml import toml_value
from planner.core.user_scripts import UserScript

MINIMAL = """[pipeline]
name = "impute"
tool = "beagle"
command = "beagle gt={sample}.chr{chromosome}.vcf.gz"
samples = ["s1"]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chromplan.toml"


def load(path: Path, text: str) -> config.Config:
    path.write_text(text)
    return pipelines.load(path)


def error(path: Path, text: str) -> tuple[str, str]:
    with pytest.raises(InputError) as refused:
        load(path, text)
    return refused.value.message.removeprefix(f"{path.parent}/"), refused.value.hint


def test_a_minimal_file_has_sensible_defaults(path: Path) -> None:
    read = load(path, MINIMAL)
    assert read.pipeline.genome == "GRCh38"
    assert read.pipeline.chromosomes is None
    assert read.features == {"length_mb": "length"}
    assert read.submit.mode == "array"


def test_a_missing_file_says_how_to_get_one(path: Path) -> None:
    with pytest.raises(InputError) as refused:
        pipelines.load(path)
    assert refused.value.message == f"{path}: no such file"
    assert refused.value.hint == "'chromplan init' writes one"


def test_malformed_toml_names_the_line(path: Path) -> None:
    message, _ = error(path, MINIMAL + "cpus = \n")
    assert message.startswith("chromplan.toml: not valid TOML")
    assert "line 6" in message


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("cpus = 0", "pipeline.cpus: should be greater than or equal to 1, not 0"),
        ('cpus = "two"', "pipeline.cpus: should be a valid integer"),
        ('chromosomes = "1-22,Q"', "pipeline.chromosomes: unknown chromosome 'Q'"),
        ('genome = "GRCh99"', "pipeline.genome: unknown genome 'GRCh99'"),
        ('time = "soon"', "pipeline.time: 'soon' is not a time limit"),
        ('time = "UNLIMITED"', "pipeline.time: 'UNLIMITED' is not a time limit"),
        ("chromosome = 1", "pipeline.chromosome: unknown field"),
        ("[memory]\nlevel = 2", "memory.level: should be less than 1"),
        ('[submit]\nmode = "arrays"', "submit.mode: should be 'array', 'tiers', 'jobs'"),
        ('[submit]\nmail_type = "END,FALI"', "submit.mail_type: 'FALI' is not a mail type of sbatch"),
        ("[sumbit]", "sumbit: unknown field"),
    ],
)
def test_a_wrong_field_is_named_with_its_path(path: Path, change: str, expected: str) -> None:
    message, _ = error(path, MINIMAL + change + "\n")
    assert message.startswith(f"chromplan.toml: {expected}")


def test_an_unknown_field_hints_at_the_known_ones(path: Path) -> None:
    _, hint = error(path, MINIMAL + "chromosome = 1\n")
    assert hint.startswith("did you mean 'chromosomes'? fields allowed here: name, tool, command, genome")


@pytest.mark.parametrize(("name", "typo"), [("tool", "tol"), ("command", "comand"), ("name", "nam")])
def test_a_misspelt_field_is_not_called_missing(path: Path, name: str, typo: str) -> None:
    message, hint = error(path, re.sub(rf"^{name}\b", typo, MINIMAL, flags=re.MULTILINE))
    assert message == f"chromplan.toml: pipeline.{typo}: unknown field"
    assert hint.startswith(f"did you mean '{name}'")


def test_an_unknown_placeholder_is_refused(path: Path) -> None:
    message, _ = error(path, MINIMAL.replace("{chromosome}", "{chrom}"))
    assert "pipeline.command: unknown placeholder {chrom}" in message


def test_a_cohort_has_no_sample_placeholder(path: Path) -> None:
    message, hint = error(path, MINIMAL.replace('samples = ["s1"]', ""))
    assert "unknown placeholder {sample}" in message
    assert 'samples = ["S1", "S2"]' in hint


def test_windows_line_ends_in_the_command_are_refused(path: Path) -> None:
    message, hint = error(path, MINIMAL.replace('"beagle gt', '"echo a\\r\\nbeagle gt'))
    assert "Windows line ends" in message
    assert "dos2unix" in hint


def test_a_name_that_is_no_file_name_is_refused(path: Path) -> None:
    message, _ = error(path, MINIMAL.replace('"impute"', '"my pipeline"'))
    assert message.startswith("chromplan.toml: pipeline.name: 'my pipeline' cannot name jobs and files")


def test_a_sample_twice_is_refused(path: Path) -> None:
    message, _ = error(path, MINIMAL.replace('["s1"]', '["s1", "s1"]'))
    assert message == "chromplan.toml: pipeline.samples: 's1' is listed twice"


def table(path: Path, text: str) -> config.Config:
    (path.parent / "samples.tsv").write_text(text)
    return load(path, MINIMAL.replace('["s1"]', '"samples.tsv"').replace("gt=", "panel={panel} gt="))


def test_a_sample_table_brings_placeholders(path: Path) -> None:
    read = table(path, "sample\tpanel\na b\tit's\nc\t1kg\n")
    samples = pipelines.samples(read, path.parent)
    assert [(s.name, dict(s.columns)) for s in samples] == [("a b", {"panel": "it's"}), ("c", {"panel": "1kg"})]
    assert pipelines.variables(read, samples)["panel"] == "CHROMPLAN_PANEL"


def test_a_quoted_name_may_hold_a_line_break(path: Path) -> None:
    read = table(path, 'sample,panel\n"a\nb",x\n')
    assert pipelines.samples(read, path.parent)[0].name == "a\nb"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sample\tpanel\na\n", "samples.tsv:2: 1 field, the first line has 2"),
        ("sample\tpanel\n\tx\n", "samples.tsv:2: a sample without a name"),
        ("sample\tpanel\n", "samples.tsv: no samples"),
        ("sample\tmem_mb\na\tb\n", "samples.tsv:1: column 'mem_mb' cannot be a placeholder"),
    ],
)
def test_a_wrong_sample_table_names_file_and_line(path: Path, text: str, expected: str) -> None:
    with pytest.raises(InputError) as refused:
        table(path, text)
    assert expected in refused.value.message


def test_a_missing_sample_table_is_named(path: Path) -> None:
    message, _ = error(path, MINIMAL.replace('["s1"]', '"none.tsv"'))
    assert message == "none.tsv: no such file"


@pytest.mark.parametrize(("written", "size_mb"), [('"4G"', 4096), ('"3500M"', 3500), ('"4000"', 4000), ("4000", 4000)])
def test_memory_is_taken_as_sbatch_writes_it(path: Path, written: str, size_mb: int) -> None:
    assert load(path, MINIMAL + f"[memory]\ndefault_mb = {written}\n").memory.default_mb == size_mb


@pytest.mark.parametrize("written", ['"lots"', '"0"', '"4 apples"', "0", "-5", '""'])
def test_a_wrong_memory_size_is_explained(path: Path, written: str) -> None:
    message, hint = error(path, MINIMAL + f"[memory]\ndefault_mb = {written}\n")
    assert message.startswith("chromplan.toml: memory.default_mb: ")
    assert hint not in ("", message)


def test_the_modes_of_chromplan_toml_are_those_there_are() -> None:
    assert get_args(Submit.model_fields["mode"].annotation) == (*Mode, "auto")


def test_what_is_no_memory_is_told_how_to_write_it(path: Path) -> None:
    message, hint = error(path, f'{MINIMAL}\n[memory]\ndefault_mb = "4 gigs"\n')
    assert message == "chromplan.toml: memory.default_mb: not a memory size: '4 gigs'"
    assert hint == 'write it as for sbatch, in quotes: "8G", "3500M"'


@given(st.binary(min_size=1).filter(lambda content: not {0, 0xEE} & set(content)))
def test_a_path_of_any_bytes_survives_files_that_are_utf8(content: bytes) -> None:
    script = UserScript(folder=os.fsdecode(content), content="copy", job_name="j", arguments=[os.fsdecode(content)])
    assert UserScript.model_validate_json(script.model_dump_json().encode("utf-8")) == script
    text = f"folder = {toml_value(script.model_dump()['folder'])}\ncontent = 'c'\njob_name = 'j'\n"
    text.encode("utf-8")
    assert os.fsencode(parse_toml(text, UserScript, path=Path("x")).folder) == content
