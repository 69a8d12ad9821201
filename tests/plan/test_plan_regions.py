"""A plan whose tasks are regions: their names, indices, placeholders, sizes."""

import subprocess
from pathlib import Path

import plans
import pytest

from planner.actions import checking
from planner.core import pipelines
from planner.core.config import Config
from planner.core.documents import parse_toml
from planner.core.errors import InputError
from planner.export import rules
from planner.project.regions import regions_of
from planner.scripts.render import render

TOML = """
[pipeline]
name = "call"
tool = "bcftools"
genome = "TAIR10"
chromosomes = "1-2"
regions = "10Mb"
command = "bcftools view -r {region} in.bcf -o {task}.bcf"
"""


def config(text: str = TOML) -> Config:
    return parse_toml(f"{text}\n[memory]\npilot = 0\n", Config, path="chromplan.toml")


def test_a_task_is_a_region_of_a_sample() -> None:
    plan = plans.plan(config(TOML + 'samples = ["a", "b"]\n'))
    assert len(plan.tasks) == 2 * 6
    assert str(plan.extent) == "2 samples x 6 regions"
    first = next(task for task in plan.tasks if task.task == "a.chr1_1-10000000")
    assert first.chromosome == "1"
    assert first.features == {"length_mb": 10.0}
    assert first.parameters == {"region": "1:1-10000000", "start": "1", "end": "10000000"}


def test_tasks_are_counted_in_the_order_of_the_regions() -> None:
    plan = plans.plan(config())
    assert {task.element: task.task for task in plan.tasks}[5] == "chr2_1-10000000"
    assert sorted(task.element for task in plan.tasks) == list(range(1, 7))


def test_a_script_tells_each_task_its_region() -> None:
    script = render(plans.plan(config()))["array.sh"]
    assert "CHROMPLAN_REGION=" in script
    assert "5) set -- chr2_1-10000000 '' 2 10000000 2:1-10000000 1 ;;" in script


def test_sizes_follow_the_regions_lengths() -> None:
    sizes = {task.task: task.size for task in plans.plan(config()).tasks}
    assert sizes["chr1_1-10000000"] == 1.0
    assert sizes["chr1_30000001-30427671"] == pytest.approx(0.0427671)


def test_whole_chromosomes_keep_their_names_and_their_place_in_the_genome() -> None:
    plan = plans.plan(config(TOML.replace("10Mb", "chromosomes").replace('"1-2"', '"2 5 Mt"')))
    assert {task.task: task.element for task in plan.tasks} == {"chr2": 2, "chr5": 5, "chrMt": 6}


def test_whole_chromosomes_are_told_of_their_region_where_the_command_asks() -> None:
    plan = plans.plan(config(TOML.replace("10Mb", "chromosomes")))
    assert plan.columns == {"region": "CHROMPLAN_REGION"}
    assert {task.parameters["region"] for task in plan.tasks} == {"1", "2"}


def test_a_column_of_the_sample_table_may_be_called_region_where_chromosomes_are_whole(tmp_path: Path) -> None:
    (tmp_path / "samples.tsv").write_text("sample\tregion\na\tEurope\n")
    of = config(TOML.replace("10Mb", "chromosomes") + 'samples = "samples.tsv"\n')
    plan = plans.plan(of, samples=pipelines.samples(of, tmp_path))
    assert {task.parameters["region"] for task in plan.tasks} == {"Europe"}
    with pytest.raises(InputError, match="column 'region' cannot be a placeholder"):
        pipelines.samples(config(TOML + 'samples = "samples.tsv"\n'), tmp_path)


def check(command: str) -> None:
    of = config(TOML.replace("bcftools view -r {region} in.bcf -o {task}.bcf", command))
    checking.check(of, pipelines.samples(of, Path()), regions_of(of, Path()), path=Path("chromplan.toml"))


def test_a_command_that_does_not_tell_regions_apart_is_refused() -> None:
    with pytest.raises(InputError, match=r"\{region\} is missing: all 6 regions would run the same"):
        check("run {chromosome}")
    with pytest.raises(InputError, match=r"\{chromosome\} is missing"):
        check("run {start} {end}")
    check("run {chromosome} {start}")
    check("run {padded}")


def test_a_length_that_is_not_known_is_said() -> None:
    of = config(TOML.replace('"10Mb"', '["chunk001", "chunk002"]'))
    from planner.plan.features import TaskFacts, parse_specs, resolve

    facts = TaskFacts(task="chunk001", chromosome="", lengths={}, parameters={})
    with pytest.raises(InputError, match="task chunk001, feature length_mb: the length of its region is not known"):
        resolve(parse_specs(of.features), facts)
    assert [one.label for one in regions_of(of, Path())] == ["chunk001", "chunk002"]


def test_more_values_than_bash_has_one_digit_for_reach_the_command(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(12)]
    (tmp_path / "samples.tsv").write_text("\t".join(["sample", *names]) + "\n" + "\t".join(["a", *names]) + "\n")
    of = config(TOML.replace("{region}", "{region} {c11}") + 'samples = "samples.tsv"\n')
    plan = plans.plan(of, samples=pipelines.samples(of, tmp_path))
    script = render(plan)["array.sh"]
    told = next(line for line in script.splitlines() if line.lstrip().startswith("1) set --"))
    export = next(line for line in script.splitlines() if line.startswith("export CHROMPLAN_TASK="))
    shown = 'echo "$CHROMPLAN_C0 $CHROMPLAN_C11 $CHROMPLAN_REGION"'
    bash = f"case 1 in\n{told}\nesac\n{export}\n{shown}\n"
    done = subprocess.run(["bash", "-c", bash], capture_output=True, text=True, check=True)
    assert done.stdout == "c0 c11 1:1-10000000\n"


def test_exports_tell_regions_apart() -> None:
    rule = rules.of_plan(plans.plan(config()))
    assert "2:1-10000000" in rule.table()
    assert len(rule.table()) == 6 + 1  # and what stands for any
