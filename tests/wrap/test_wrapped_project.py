"""The project made from a script: its jobs are the user's script itself, with the plan's options on top."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import tempfile
from pathlib import Path

import plans
import pytest
from checked import check
from hypothesis import given, settings
from hypothesis import strategies as st

from planner import slurm
from planner.cli import main
from planner.core import pipelines
from planner.core.config import Config
from planner.core.errors import FailureError, InputError
from planner.core.modes import Mode
from planner.core.records import Outcome
from planner.plan.document import Plan
from planner.plan.inputs import Earlier
from planner.project.folder import ProjectFolder
from planner.rounds import preview
from planner.rounds.batch_calls import call_of
from planner.scripts import render
from planner.scripts.jobs import jobs
from planner.scripts.options import submit_options, updates
from planner.site import Partition
from planner.site.model import FOLLOW_UPS
from planner.wrap import elements, meaning, options, project, request
from planner.wrap.request import Request, Source

GOLDEN = Path(__file__).parent.parent / "golden" / "wrap"
SCRIPT = """#!/bin/bash
#SBATCH -J impute --array=1-22%4 --mem=2G --time=2:00:00 -c 2
#SBATCH --partition=main --account=genomics --qos=long --comment='say "a" # b' --mail-type=END
#SBATCH -o logs/%x_%A_%a.out
echo "$SLURM_ARRAY_TASK_ID"
"""
HUMAN = meaning.Meaning(said="", lines={}, is_chromosome=True)
NOTHING = meaning.Meaning(said="", lines={})


def asked(text: str = SCRIPT, *words: str, arguments: tuple[str, ...] = (), **environment: str) -> Request:
    given, _ = options.read(words, where="the command line")
    return request.read(Source(name="impute.sh", text=text.encode(), arguments=arguments), given, environment)


def setting(folder: Path, **changes: object) -> project.Setting:
    values: dict[str, object] = {"folder": folder, "site": plans.site(), "site_name": "local", "tool": "impute"}
    return project.Setting(**{**values, **changes})  # type: ignore[arg-type]


def write(folder: Path, of: Request | None = None, *, what: meaning.Meaning = HUMAN, **changes: object) -> Config:
    of = of or asked()
    (folder / "impute.sh").write_bytes(of.source.text)
    found = elements.of_meaning(what, of.array.indices) if of.array else elements.single("impute")
    return project.write(ProjectFolder(folder / "made"), of, found, setting(folder, **changes))


def planned(config: Config, mode: Mode = Mode.ARRAY, earlier: dict[str, Earlier] | None = None) -> Plan:
    of = config.model_copy(update={"submit": config.submit.model_copy(update={"mode": mode})})
    return plans.plan(of, samples=pipelines.samples(of, Path()), earlier=earlier)


def told(plan: Plan) -> list[str]:
    """Return what sbatch is told for the plan's only submission."""
    (job,) = jobs(plan)
    return submit_options(plan, job, {})


def test_what_the_script_asks_for_becomes_the_project(tmp_path: Path) -> None:
    config = write(tmp_path)
    assert (config.pipeline.name, config.pipeline.tool, config.pipeline.cpus) == ("impute", "impute", 2)
    assert config.pipeline.time == "02:00:00"
    assert (config.memory.default_mb, config.memory.pilot) == (2048, 0)
    assert (config.submit.partition, config.submit.account, config.submit.qos) == ("main", "genomics", "long")
    assert config.submit.max_running == 4
    assert config.wrap is not None
    assert (config.wrap.array, config.wrap.job_name, config.wrap.comment) == ("1-22", "impute", 'say "a" # b')
    assert (config.wrap.chdir, config.wrap.output, config.wrap.error) == ("", "logs/%x_%A_%a.out", "")
    assert [one.task for one in config.wrap.elements] == [f"chr{c}" for c in range(1, 23)]


def test_the_project_and_its_submission_are_as_recorded(tmp_path: Path) -> None:
    of = asked(arguments=("a b",))
    made = ProjectFolder(tmp_path / "made")
    config = project.write(
        made, of, elements.of_meaning(HUMAN, range(1, 23)), setting(Path("/data/it's"), site_name="cannon")
    )
    found = {"chromplan.toml": made.config_path.read_text(), "submit.sh": render.render(planned(config))["submit.sh"]}
    missing = [name for name in found if not (GOLDEN / name).exists()]
    for name in missing:
        GOLDEN.mkdir(parents=True, exist_ok=True)
        (GOLDEN / name).write_text(found[name])
    assert not missing, "recorded anew: read them, and run again"
    for name, text in found.items():
        assert text == (GOLDEN / name).read_text(), f"{GOLDEN / name}: delete it and run again when it is wanted"


def test_sbatch_is_told_what_the_user_said_and_behind_it_what_the_plan_decides(tmp_path: Path) -> None:
    plan = planned(write(tmp_path, asked(SCRIPT, "--export=ALL,A=b c", "-t", "60", "--parsable", "--mem=3G")))
    assert told(plan) == [
        "--export=ALL,A=b c",
        "--time=60",
        "--mem=3G",
        "--hold",
        "--mem=3072M",
        "--array=1-22%4",
        "--time=01:00:00",
        "--acctg-freq=task=1",
        '--comment=say "a" # b chromplan:r001:abc123:array',
    ]


def test_nothing_is_said_of_what_the_user_left_to_the_cluster(tmp_path: Path) -> None:
    words = told(planned(write(tmp_path, asked("#!/bin/sh\n#SBATCH -a 1-22 --mem=1G\n"))))
    names = {word.partition("=")[0] for word in words}
    assert names == {"--hold", "--mem", "--array", "--acctg-freq", "--comment"}


def test_memory_per_cpu_stays_memory_per_cpu(tmp_path: Path) -> None:
    plan = planned(write(tmp_path, asked("#!/bin/sh\n#SBATCH -a 1-2 -c 4 --mem-per-cpu=500M\n"), what=NOTHING))
    assert "--mem-per-cpu=500M" in told(plan)
    assert next(one.command(one.name("7")) for one in updates(plan, jobs(plan))) == (
        "update JobId=7_1 MinMemoryCPU=500 Nice=0"
    )


def test_the_sampling_of_other_things_than_memory_is_the_users(tmp_path: Path) -> None:
    of = asked("#!/bin/sh\n#SBATCH -a 1-22 --acctg-freq=task=60,energy=30\n")
    assert "--acctg-freq=task=1,energy=30" in told(planned(write(tmp_path, of)))


@pytest.mark.parametrize("asks", ["", " --mem=0"])
def test_a_script_that_names_no_memory_keeps_what_the_cluster_gives_it_until_more_is_known(
    asks: str, tmp_path: Path
) -> None:
    config = write(tmp_path, asked(f"#!/bin/sh\n#SBATCH -a 1-22{asks}\n"))
    first = planned(config)
    assert not any(word.startswith("--mem") for word in told(first))
    assert updates(first, jobs(first)) == []
    again = planned(config, earlier=earlier({"chr3": Outcome.OOM}))
    (task,) = again.tasks
    assert f"--mem={task.request_mb}M" in told(again)


def earlier(tasks: dict[str, Outcome]) -> dict[str, Earlier]:
    every = dict.fromkeys([f"chr{c}" for c in range(1, 23)], Outcome.COMPLETED) | tasks
    return {
        name: Earlier(round=1, attempts=1, outcome=outcome, request_mb=2048, time_limit_s=60)
        for name, outcome in every.items()
    }


def test_a_later_round_is_the_whole_array_without_what_does_not_run(tmp_path: Path) -> None:
    of = asked(SCRIPT, "--dependency=afterok:5", "--nice=7")
    plan = planned(write(tmp_path, of), earlier=earlier({"chr3": Outcome.OOM, "chr8": Outcome.OOM}))
    (job,) = jobs(plan)
    assert (job.array, job.absent) == ("1-22%4", "1-2,4-7,9-22")
    assert [(one.elements, one.nice) for one in updates(plan, [job])] == [((3,), 7), ((8,), 8)]
    words = told(plan)
    assert "--dependency=" in words  # what it waited for has happened
    assert words.index("--dependency=") > words.index("--dependency=afterok:5")
    assert 'scancel "${id}_[1-2,4-7,9-22]"' in render.render(plan)["submit.sh"]


def test_singletons_ask_for_the_same_and_still_wait_in_later_rounds(tmp_path: Path) -> None:
    config = write(tmp_path, asked("#!/bin/sh\n#SBATCH -a 1-22 -d singleton,afterok:5\n"))
    first = planned(config)
    assert updates(first, jobs(first)) == []
    assert not any(word.startswith("--dependency") for word in told(first))
    assert "--dependency=singleton" in told(planned(config, earlier=earlier({"chr3": Outcome.OOM})))


def test_who_holds_a_job_releases_it(tmp_path: Path) -> None:
    assert "scontrol release" not in render.render(planned(write(tmp_path, asked(SCRIPT, "-H"))))["submit.sh"]


def test_a_single_job_is_a_task(tmp_path: Path) -> None:
    plan = planned(write(tmp_path, asked("#!/bin/sh\n#SBATCH --mem=1G\n")))
    assert [task.task for task in plan.tasks] == ["impute"]
    words = told(plan)
    assert "--mem=1024M" in words
    assert "--hold" not in words
    assert not any(word.startswith("--array") for word in words)


@pytest.mark.parametrize("mode", [Mode.TIERS, Mode.JOBS])
def test_in_other_modes_each_submission_is_the_whole_array_too(mode: Mode, tmp_path: Path) -> None:
    plan = planned(write(tmp_path, asked("#!/bin/sh\n#SBATCH -a 1-22\n")), mode)
    found = jobs(plan)
    assert {job.array for job in found} == {"1-22"}
    running = [{job.element(task) for task in job.tasks} for job in found]
    assert sorted(index for one in running for index in one) == list(range(1, 23))
    assert updates(plan, found) == []


def cluster_that_holds(most: int) -> slurm.Settings:
    return slurm.Settings(
        computes_priority=True, goes_by_list=False, has_weights=True, max_array_size=1001, max_job_count=most
    )


def test_where_a_user_may_queue_few_jobs_each_submission_is_an_array_of_what_runs(tmp_path: Path) -> None:
    def arrays(most: int, mode: Mode) -> set[str | None]:
        site = plans.site(max_submit=most + FOLLOW_UPS)
        config = write(tmp_path, asked("#!/bin/sh\n#SBATCH -a 1-22\n"), site=site)
        of = config.model_copy(update={"submit": config.submit.model_copy(update={"mode": mode})})
        return {job.array for job in jobs(plans.plan(of, at=site, samples=pipelines.samples(of, Path())))}

    assert arrays(22, Mode.ARRAY) == {"1-22"}
    # the others of one array are in the queue until they are taken out, beside what runs of those before
    assert arrays(44, Mode.JOBS) == {"1-22"}
    assert arrays(43, Mode.JOBS) == {str(index) for index in range(1, 23)}


def test_what_is_taken_out_of_an_array_counts_until_then(tmp_path: Path) -> None:
    layout = jobs(planned(write(tmp_path, asked("#!/bin/sh\n#SBATCH -a 1-22\n")), Mode.JOBS))
    preview.check_counts(cluster_that_holds(22 + 21), layout)
    with pytest.raises(FailureError, match=r"the round has 43 jobs, .* this cluster holds 42"):
        preview.check_counts(cluster_that_holds(22 + 20), layout)


def test_an_index_that_the_cluster_does_not_have_is_refused_as_sbatch_refuses_it(tmp_path: Path) -> None:
    layout = jobs(planned(write(tmp_path, asked("#!/bin/sh\n#SBATCH -a 1-1001\n"), what=NOTHING)))
    with pytest.raises(FailureError, match=r"an element 1001; this cluster's MaxArraySize is 1001") as error:
        preview.check_counts(cluster_that_holds(10_000), layout)
    assert error.value.hint == "sbatch refuses it, too: submit the script in parts"


@pytest.mark.parametrize("mode", [Mode.ARRAY, Mode.TIERS, Mode.JOBS])
def test_what_is_rendered_for_reading_is_clean(mode: Mode, tmp_path: Path) -> None:
    of = asked(SCRIPT, "--comment=a'b $(id)", arguments=("$(id)", "it's", "{x}"))
    files = render.render(planned(write(tmp_path, of), mode))
    check(files, tmp_path / "round")
    assert "#SBATCH" not in files["submit.sh"]


def call(folder: Path, config: Config) -> slurm.BatchCall:
    plan = planned(config)
    (job,) = jobs(plan)
    return call_of(plan, job, root=folder / "made", options=["--mem=1M"])


def test_the_users_own_file_goes_to_sbatch_from_the_users_folder(tmp_path: Path) -> None:
    found = call(tmp_path, write(tmp_path, asked(arguments=("a b", ""))))
    assert found.argv() == ["sbatch", "--parsable", "--mem=1M", "impute.sh", "a b", ""]
    assert found.cwd == tmp_path
    assert found.surroundings is None


def test_a_script_that_was_edited_runs_as_it_was_from_a_hidden_file_beside_it(tmp_path: Path) -> None:
    config = write(tmp_path)
    (tmp_path / "impute.sh").write_text("#!/bin/sh\nrm -rf everything\n")
    found = call(tmp_path, config)
    assert found.script is not None
    beside = Path(found.script)
    assert (beside.parent, beside.name[:21]) == (tmp_path, ".impute.sh.chromplan-")
    assert beside.read_text() == SCRIPT
    assert beside.stat().st_mode & stat.S_IXUSR
    assert found.options == ("--mem=1M", "--job-name=impute")
    assert (tmp_path / "impute.sh").read_text() == "#!/bin/sh\nrm -rf everything\n"
    (tmp_path / "impute.sh").unlink()
    assert call(tmp_path, config).script == found.script


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_where_the_users_folder_cannot_be_written_to_the_copy_itself_goes_out(tmp_path: Path) -> None:
    config = write(tmp_path)
    (tmp_path / "impute.sh").write_text("#!/bin/sh\n")
    tmp_path.chmod(0o500)
    try:
        found = call(tmp_path, config)
    finally:
        tmp_path.chmod(0o700)
    assert found.script is not None
    assert Path(found.script).parent.parent == tmp_path / "made/scripts"


@pytest.mark.parametrize("name", ["pipe", "/dev/fd/63", "/dev/stdin", "/proc/self/fd/0"])
def test_a_script_that_can_be_read_once_only_goes_out_as_its_copy(tmp_path: Path, name: str) -> None:
    text = "#!/bin/sh\n#SBATCH -a 1-22\n"
    of = request.read(Source(name=name, text=text.encode()))
    config = project.write(
        ProjectFolder(tmp_path / "made"), of, elements.of_meaning(HUMAN, range(1, 23)), setting(tmp_path)
    )
    os.mkfifo(tmp_path / "pipe")
    found = call(tmp_path, config)
    assert found.script is not None
    assert Path(found.script).is_relative_to(tmp_path / "made/scripts")
    assert Path(found.script).read_text() == text
    assert found.options == ("--mem=1M", f"--job-name={Path(name).name}")


def test_a_script_on_standard_input_goes_there_again(tmp_path: Path) -> None:
    text = "#!/bin/sh\n#SBATCH -a 1-22\necho caf\xe9\n"
    of = request.read(Source(name="", text=text.encode("latin-1")))
    config = project.write(
        ProjectFolder(tmp_path / "made"), of, elements.of_meaning(HUMAN, range(1, 23)), setting(tmp_path)
    )
    found = call(tmp_path, config)
    assert found.argv() == ["sbatch", "--parsable", "--mem=1M"]
    assert found.stdin is not None
    assert found.stdin.encode("utf-8", "surrogateescape") == text.encode("latin-1")


def test_wrap_stays_wrap(tmp_path: Path) -> None:
    given, _ = options.read(["--wrap=echo $SLURM_JOB_ID", "-a", "1-22"], where="")
    of = request.read(Source(name="", text=b""), given)
    config = project.write(
        ProjectFolder(tmp_path / "made"), of, elements.of_meaning(HUMAN, range(1, 23)), setting(tmp_path)
    )
    found = call(tmp_path, config)
    assert (found.script, found.stdin) == (None, None)
    assert "--wrap=echo $SLURM_JOB_ID" in told(planned(config))


def test_a_script_runs_with_the_variables_it_was_submitted_with_and_nobody_else_reads_them(tmp_path: Path) -> None:
    environment = {"COHORT": "A", "ODD": "a\nb=c", "SBATCH_WAIT": "1", "SBATCH_ACCOUNT": "x", "BYTES": "caf\udce9"}
    found = call(tmp_path, write(tmp_path, environment=environment))
    assert found.surroundings == {name: value for name, value in environment.items() if name != "SBATCH_WAIT"}
    assert stat.S_IMODE((tmp_path / "made/environment").stat().st_mode) == 0o600


def test_arguments_and_exported_variables_are_kept_as_parameters(tmp_path: Path) -> None:
    of = asked(SCRIPT, "--export=ALL,N=5000,COHORT", arguments=("a.vcf", "7"))
    config = write(tmp_path, of, environment={"COHORT": "A", "OTHER": "x"}, features={"samples": "N", "cut": "arg2"})
    assert config.wrap is not None
    assert config.wrap.parameters == {"arg1": "a.vcf", "arg2": "7", "N": "5000", "COHORT": "A"}
    assert config.features == {"length_mb": "length", "samples": "N", "cut": "arg2"}


def test_tasks_that_are_no_chromosomes_have_no_length(tmp_path: Path) -> None:
    lines = meaning.Meaning(said="", lines={1: "NA1 a.bam", 2: "NA2 b.bam"})
    of = asked("#!/bin/sh\n#SBATCH -a 1-2\n")
    config = write(tmp_path, of, what=lines, features={"input": "size:{field2}"})
    assert config.features == {"input": "size:{field2}"}
    (first, _) = pipelines.samples(config, tmp_path)
    assert first.columns == {"index": "1", "line": "NA1 a.bam", "field1": "NA1", "field2": "a.bam"}
    assert [task.task for task in planned(write(tmp_path, of, what=NOTHING)).tasks] == ["1", "2"]


def test_without_a_size_of_its_own_a_script_asks_for_what_the_cluster_would_give(tmp_path: Path) -> None:
    of = asked("#!/bin/sh\n#SBATCH -a 1-22 -c 3\n")
    assert write(tmp_path, of).memory.default_mb == 64_000
    assert write(tmp_path, of, site=plans.site(mem_per_core_default_mb=500)).memory.default_mb == 1500
    assert write(tmp_path, asked("#!/bin/sh\n#SBATCH -a 1-22 --mem=0\n")).memory.default_mb == 64_000

    def in_partition(of: Request, **fields: object) -> int | None:
        fat = Partition(name="fat", partition="main", nodes=2, cores=8, mem_mb=512_000, default=True)
        usual = Partition(name="usual", partition="main", nodes=20, cores=8, mem_mb=128_000, default=True)
        both = tuple(one.model_copy(update=fields) for one in (fat, usual))
        site = plans.site(partitions=both, mem_per_core_default_mb=500)
        return write(tmp_path, of, site=site).memory.default_mb

    assert in_partition(of) == 1500
    assert in_partition(of, mem_per_core_default_mb=700) == 2100
    assert in_partition(of, mem_default_mb=4000) == 4000
    # it need not wait for the few large nodes
    assert in_partition(asked("#!/bin/sh\n#SBATCH -a 1-22 --mem=0\n"), mem_default_mb=4000) == 128_000


def test_packing_a_script_into_an_allocation_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot run in mode packed"):
        planned(write(tmp_path), Mode.PACKED)


def test_a_partition_that_the_site_does_not_have_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no partition 'gpu'"):
        write(tmp_path, asked("#!/bin/sh\n#SBATCH -a 1 -p gpu\n"), what=NOTHING)


def test_of_several_kinds_of_nodes_in_a_partition_the_largest_is_planned(tmp_path: Path) -> None:
    kinds = tuple(
        Partition(name=f"work-{mem}G", partition="work", cores=8, mem_mb=1000 * mem, max_time="2-00:00:00")
        for mem in (100, 500)
    )
    of = asked("#!/bin/sh\n#SBATCH -a 1 -p other,work --mem=0\n")
    config = write(tmp_path, of, what=NOTHING, site=plans.site(partitions=kinds))
    assert config.submit.partition == "work-500G"
    assert config.pipeline.time == "2-00:00:00"  # the partition's: the script has none
    assert config.memory.default_mb == 500_000


def test_a_tool_is_a_script_under_a_job_name(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "impute.sh").write_text(SCRIPT)
    mine = project.tool_of(asked(), tmp_path / "a")
    assert project.tool_of(asked(arguments=("x",)), tmp_path / "a") == mine
    assert project.tool_of(asked(), tmp_path / "b") != mine
    assert project.tool_of(asked(SCRIPT, "-J", "other"), tmp_path / "a") != mine
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert project.tool_of(asked(), tmp_path / "link") == mine


def test_a_script_is_found_as_sbatch_finds_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("here", "sub", "bin"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin/a.sh").touch()
    monkeypatch.setenv("PATH", f"{tmp_path}/bin")
    assert request.find_script("a.sh", tmp_path / "here") == tmp_path / "bin/a.sh"
    (tmp_path / "here/a.sh").touch()
    assert request.find_script("a.sh", tmp_path / "here") == tmp_path / "here/a.sh"
    (tmp_path / "here/sub").symlink_to(tmp_path / "sub")
    (tmp_path / "sub/a.sh").touch()
    chdir, _ = options.read(["--chdir=sub"], where="")
    assert request.find_script("a.sh", tmp_path / "here", chdir) == tmp_path / "here/sub/a.sh"
    assert request.find_script("./a.sh", tmp_path / "here", chdir) == tmp_path / "here/a.sh"
    # what is read is what sbatch will find; a script's own --chdir says nothing of where it lies
    (tmp_path / "sub/a.sh").write_text("#!/bin/sh\n#SBATCH --chdir=/nowhere\n")
    source = request.open_source(["a.sh"], chdir, folder=tmp_path / "here", stdin=bytes)
    assert source.text.startswith(b"#!/bin/sh")
    assert request.read(source).script_in(tmp_path / "here") == tmp_path / "here/a.sh"


def test_names_hold_whatever_arguments_there_are() -> None:
    of = asked("#!/bin/sh\n#SBATCH -J impute.sh\n")
    assert project.name_of(of) == "impute"
    assert project.name_of(asked("#!/bin/sh\n#SBATCH -J impute.sh\n", arguments=("NA1",))) == "impute.NA1"
    assert len(project.name_of(asked(arguments=("x" * 300,)))) <= 55


@settings(deadline=None, max_examples=60)
@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30), max_size=3))
def test_any_argument_reaches_the_script(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        script = '#!/bin/bash\n#SBATCH --array=21 -o out\nprintf "%s\\0" "$@"\n'
        config = write(folder, asked(script, arguments=tuple(arguments)), what=NOTHING)
        assert call(folder, config).arguments == tuple(arguments)
        # and as a local run has it
        command = pipelines.command_text(config, pipelines.samples(config, folder), path=folder)
        (folder / "made/command.sh").write_text(command)
        environment = {"CHROMPLAN_INDEX": "21", "CHROMPLAN_TMP": name, "PATH": "/usr/bin:/bin"}
        subprocess.run(["bash", "command.sh"], cwd=folder / "made", env=environment, check=True)
        found = (folder / "out").read_bytes().decode().split("\0")[:-1]
        assert found == (arguments or [""])


def chromplan(*arguments: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 0


def test_a_wrapped_script_runs_on_this_machine_without_slurm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "impute.sh").write_text(
        '#!/bin/bash\n#SBATCH --array=20-22 -o out.%a\necho "$1 $SLURM_ARRAY_TASK_ID/$SLURM_ARRAY_TASK_COUNT"\n'
    )
    with monkeypatch.context() as without:
        without.setenv("PATH", "/nowhere")
        chromplan("wrap", "--site=local", "impute.sh", "a b")
    assert "history: none (sacct: not found)" in capsys.readouterr().out
    (made,) = (tmp_path / "wrapped").iterdir()
    for command in (["plan", "--json"], ["render"], ["run", "--local"], ["next"]):
        chromplan(*command, "-C", str(made))
    assert {path.name: path.read_text() for path in tmp_path.glob("out.*")} == {
        f"out.{index}": f"a b {index}/3\n" for index in (20, 21, 22)
    }
    capsys.readouterr()
    chromplan("status", "--json", "-C", str(made))
    assert {row["outcome"] for row in json.loads(capsys.readouterr().out)} == {"completed"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--array=1-22", "missing.sh"], "missing.sh: cannot be read"),
        (["--array=1-22", "--after=phase", "impute.sh"], "--after phase: no such run or project"),
        (["--mem=1.5G", "impute.sh"], "--mem: not a memory size: '1.5G' (write 1536M)"),
        (["--cpus-per-task=²", "impute.sh"], "--cpus-per-task=² is not a number"),
    ],
)
def test_what_cannot_be_wrapped_is_said_in_two_lines(
    arguments: list[str],
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "impute.sh").write_text("#!/bin/bash\n")
    with pytest.raises(SystemExit) as ended:
        main(["wrap", "--site=local", *arguments])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err
    assert not list((tmp_path).glob("wrapped/*/chromplan.toml"))


@pytest.mark.parametrize(
    ("line", "fixed"),
    [
        ("java -Xmx4g -jar beagle.jar", True),
        ('mem=4; gatk --java-options "-Xmx${mem}g" HaplotypeCaller', True),
        ("java -Xmx$((SLURM_MEM_PER_NODE * 8 / 10))m -jar beagle.jar", False),
        ("java -jar beagle.jar", False),
        ("Rscript step1.R", False),
    ],
)
def test_a_heap_whose_size_the_script_gives_is_known_as_such(line: str, fixed: bool, tmp_path: Path) -> None:
    config = write(tmp_path, asked(SCRIPT + line + "\n"))
    assert config.wrap is not None
    assert config.wrap.fixed_heap is fixed


def test_bytes_that_are_no_utf8_reach_sbatch_as_they_are(tmp_path: Path) -> None:
    comment, argument = os.fsdecode(b"caf\xe9"), os.fsdecode(b"\xff' \xc3\xa9 {x}")
    given, _ = options.read([f"--mail-user={comment}", f"--export=ALL,A={argument}"], where="")
    source = Source(name="impute.sh", text=b"#!/bin/sh\n#SBATCH --comment=caf\xe9\n# \xff\n", arguments=(argument,))
    config = write(tmp_path, request.read(source, given), what=NOTHING)
    assert config.wrap is not None
    assert (config.wrap.comment, config.wrap.arguments) == (comment, [argument])
    assert config.wrap.parameters == {"arg1": argument, "A": argument}
    assert config.wrap.words == [f"--mail-user={comment}", f"--export=ALL,A={argument}"]
    shown = subprocess.run(
        [
            "bash",
            "-c",
            config.pipeline.command.splitlines()[-1].replace('exec "$script"', "printf %s").replace("{{x}}", "{x}"),
        ],
        capture_output=True,
        check=True,
    )
    assert shown.stdout == os.fsencode(argument)
