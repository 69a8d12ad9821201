"""Submitting, whatever dies when."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster
ALL = {f"s1.chr{c}": 1 for c in range(1, 23)}
REFUSE_UPDATES = """
function slurm_job_submit(job, part_list, uid)
    return slurm.SUCCESS
end
function slurm_job_modify(job, rec, part_list, uid)
    return slurm.ERROR
end
"""


def array_ids(pipeline: Pipeline) -> set[str]:
    """Return every job of the cluster that this project's folder submitted."""
    # slurmctld remembers ended jobs for minutes, and knows them before the accounting does
    jobs = pipeline.run("squeue", "-h", "--states=all", "-o", "%F|%Z").stdout.splitlines()
    return {job.split("|")[0] for job in jobs if job.endswith(f"|{pipeline.folder}")}


@pytest.mark.parametrize("program", ["sbatch", "scontrol", "squeue"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_submit_killed_at_any_step_is_finished_by_the_next(omk_cluster: Cluster, program: str, when: str) -> None:
    pipeline = Pipeline(omk_cluster)
    pipeline.ready()
    steps = {"before": 'kill -9 "$PPID"', "after": '"$real" "$@"; kill -9 "$PPID"'}
    killed = pipeline.run("chromplan", "submit", env=pipeline.intercept(program, steps[when]), check=False)
    assert killed.returncode != 0
    pipeline.chromplan("submit")
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert pipeline.ran() == ALL
    assert len(array_ids(pipeline)) == 1


def test_jobs_killed_halfway_through_are_submitted_once_each(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, mode="jobs")
    pipeline.ready()
    halfway = 'echo x >> n; "$real" "$@"; if [ $(wc -l < n) = 9 ]; then kill -9 "$PPID"; fi'
    pipeline.run("chromplan", "submit", env=pipeline.intercept("sbatch", halfway), check=False)
    pipeline.chromplan("submit")
    pipeline.finish()
    assert pipeline.ran() == ALL
    assert len(array_ids(pipeline)) == 22


def test_submitting_twice_submits_once(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster)
    pipeline.ready()
    pipeline.chromplan("submit")
    assert "submitted already" in pipeline.run("chromplan", "submit").stderr
    pipeline.finish()
    assert pipeline.ran() == ALL


@pytest.fixture(scope="module")
def refusing(clusters: Any) -> Iterator[Cluster]:
    """A cluster where nobody may change a job."""
    running = clusters.start(job_submit_lua=REFUSE_UPDATES)
    yield running
    running.stop()


@pytest.mark.parametrize("argv", [("chromplan", "submit"), ("bash", "rounds/r001/submit.sh")], ids=["submit", "bash"])
def test_where_updates_are_refused_tiers_go_out_once(refusing: Cluster, argv: tuple[str, ...]) -> None:
    pipeline = Pipeline(refusing)
    pipeline.remember(minutes=0.5)
    pipeline.configure(time="08:00:00")
    pipeline.ready()
    said = pipeline.run(*argv).stderr
    assert "the array was cancelled, and tiers are submitted instead" in said
    again = pipeline.run(*argv, check=False)
    assert "submitted already" in again.stderr
    ended = pipeline.finish()
    assert {row["outcome"] for row in ended.values()} == {"completed"}
    assert len({row["job_id"].split("_")[0] for row in ended.values()}) == 4
    assert pipeline.ran() == ALL
    assert len(array_ids(pipeline)) == 5


def test_where_scontrol_fails_every_part_is_cancelled_and_tiers_go_out_once(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, site="max_array_size = 12")
    pipeline.ready()
    failing = pipeline.intercept("scontrol", '[ $# -gt 0 ] || { echo no >&2; exit 1; }; exec "$real" "$@"')
    said = pipeline.run("chromplan", "submit", env=failing).stderr
    assert "the array was cancelled, and tiers are submitted instead" in said
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert {line.split("\t")[5].partition("-")[0] for line in pipeline.manifest()} == {"tier"}
    assert pipeline.ran() == ALL


# the site refuses updates and holds; scancel has seen an element wait that runs by the time it is ended
REFUSES_AND_HOLDS = '[ "$1" != hold ] && [ $# -gt 0 ] || { echo no >&2; exit 1; }; exec "$real" "$@"'
ENDS_WHAT_HAS_JUST_BEGUN = """
[ "$1" = --state=PENDING ] || exec "$real" "$@"
scontrol release "$2_20"
until [ -e began ]; do sleep 0.1; done
exec "$real" "$2"
"""


def test_an_element_that_began_while_its_array_was_cancelled_for_tiers_runs_again_once(omk_cluster: Cluster) -> None:
    first = "if mkdir began.{chromosome} && [ {chromosome} = 20 ]; then touch began; sleep 600; fi"
    command = f"{first}; echo done >> out/{{sample}}.chr{{chromosome}}"
    pipeline = Pipeline(omk_cluster, chromosomes="20-22", command=command)
    pipeline.ready()
    refusing = pipeline.intercept("scontrol", REFUSES_AND_HOLDS)["PATH"].partition(":")[0]
    ending = pipeline.intercept("scancel", ENDS_WHAT_HAS_JUST_BEGUN)["PATH"]
    said = pipeline.run("chromplan", "submit", env={"PATH": f"{refusing}:{ending}"}).stderr
    assert "tiers are submitted instead" in said
    ended = pipeline.finish()
    assert {name: row["outcome"] for name, row in ended.items()} == {
        "s1.chr20": "infra",
        "s1.chr21": "completed",
        "s1.chr22": "completed",
    }, ended
    pipeline.chromplan("next", "--submit")
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert pipeline.ran() == {f"s1.chr{c}": 1 for c in (20, 21, 22)}
    assert "nothing is left to run" in pipeline.chromplan("next")


def test_an_unrendered_round_is_refused(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster)
    pipeline.chromplan("plan")
    refused = pipeline.run("chromplan", "submit", check=False)
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1] == "hint: run 'chromplan render' first"
    pipeline.chromplan("render")
    pipeline.chromplan("submit")


def test_a_dry_run_submits_nothing(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster)
    pipeline.ready()
    assert "one array of 22 tasks" in pipeline.chromplan("submit", "--dry-run")
    assert array_ids(pipeline) == set()


def test_without_sbatch_the_error_is_two_lines_and_nothing_is_changed(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster)
    pipeline.ready()
    done = pipeline.run("chromplan", "submit", env=pipeline.without_slurm(), check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0] == "error: sbatch: not found"
    assert len(done.stderr.splitlines()) == 2
    pipeline.chromplan("submit")
    pipeline.finish()
    assert pipeline.ran() == ALL


@pytest.mark.parametrize("mode", ["array", "jobs"])
def test_a_round_too_large_for_the_cluster_is_refused_and_may_be_planned_anew(omk_cluster: Cluster, mode: str) -> None:
    pipeline = Pipeline(omk_cluster, mode=mode, formula="50000")
    site = (pipeline.folder / "site.toml").read_text()
    pipeline.write("site.toml", site.replace("mem_mb = 4000", "mem_mb = 90000"))  # more than there is
    pipeline.ready()
    refused = pipeline.run("chromplan", "submit", check=False)
    assert refused.returncode == 1
    assert "site check" in refused.stderr.splitlines()[1]
    assert {row["state"] for row in pipeline.json("status")} == {"planned"}
    pipeline.configure(formula="100")
    pipeline.ready()
    pipeline.chromplan("submit")
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert [path.name for path in (pipeline.folder / "rounds").iterdir()] == ["r001"]


@pytest.mark.parametrize(
    "ending",
    [
        'echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1',
        'echo "sbatch: error: Batch job submission failed: Unexpected message received" >&2; exit 1',
        "kill -9 $$",
    ],
    ids=["timed out", "unexpected message", "killed"],
)
def test_a_job_whose_answer_got_lost_is_found_at_once(omk_cluster: Cluster, ending: str) -> None:
    pipeline = Pipeline(omk_cluster, mode="tiers", chromosomes="19-22")
    pipeline.ready()
    pipeline.run("chromplan", "submit", env=pipeline.intercept("sbatch", f'"$real" "$@" >/dev/null; {ending}'))
    pipeline.finish()
    assert set(pipeline.ran().values()) == {1}
    assert len(array_ids(pipeline)) == len({line.split("\t")[5] for line in pipeline.manifest()})


# slurmctld has the request and is at it for long: nothing of the command, or of the lock that it shares, is left
LATER = """#!/bin/bash
for handle in /proc/self/fd/*; do
  case ${handle##*/} in 0 | 1 | 2 | 255) ;; *) eval "exec ${handle##*/}>&-" ;; esac
done
until [ -e released ]; do sleep 0.1; done
exec "$@"
"""
LOST_FOR_NOW = """setsid ./later.sh "$real" "$@" </dev/null >/dev/null 2>&1 &
echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1"""


@pytest.mark.parametrize("mode", ["array", "jobs"])
@pytest.mark.parametrize("then", ["ingest", "cancel"])
def test_a_job_that_slurm_makes_after_it_was_asked_for_once_more_is_ended_by_the_next_command(
    omk_cluster: Cluster, mode: str, then: str
) -> None:
    pipeline = Pipeline(omk_cluster, mode=mode, chromosomes="22")
    pipeline.ready()
    pipeline.write("later.sh", LATER)
    pipeline.run("chmod", "+x", "later.sh")
    lost = pipeline.run("chromplan", "submit", env=pipeline.intercept("sbatch", LOST_FOR_NOW), check=False)
    assert lost.returncode == 1
    assert array_ids(pipeline) == set()
    if then == "cancel":
        pipeline.chromplan("cancel", "--yes")
    else:
        pipeline.chromplan("submit")
        pipeline.finish()
    before = array_ids(pipeline)
    pipeline.run("touch", "released")
    pipeline.until(lambda: len(array_ids(pipeline) - before) == 1)
    pipeline.chromplan("ingest")
    (late,) = array_ids(pipeline) - before
    # accounting never knows the elements of an array that was cancelled whole
    pipeline.until(lambda: late not in pipeline.run("squeue", "-h", "-o", "%F").stdout.split())
    assert pipeline.ran().get("s1.chr22", 0) <= 1
    if then == "ingest":
        assert pipeline.ran() == {"s1.chr22": 1}


def test_an_sbatch_whose_parent_was_killed_submits_no_more(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="19-22")
    pipeline.ready()
    late = 'kill -9 "$PPID"; sleep 1; exec "$real" "$@"'
    pipeline.run("chromplan", "submit", env=pipeline.intercept("sbatch", late), check=False)
    pipeline.chromplan("submit")
    pipeline.finish()
    assert set(pipeline.ran().values()) == {1}
    assert len(array_ids(pipeline)) == 1


def test_an_element_that_somebody_released_meanwhile_is_adopted_with_what_it_did(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="19-22")
    pipeline.ready()
    killed = pipeline.intercept("scontrol", '[ "$1" != show ] || exec "$real" "$@"; kill -9 "$PPID"')
    pipeline.run("chromplan", "submit", env=killed, check=False)
    (job,) = array_ids(pipeline)
    pipeline.run("scontrol", "release", f"{job}_19")
    omk_cluster.wait(f"{job}_19")
    pipeline.chromplan("submit")
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert set(pipeline.ran().values()) == {1}
    assert array_ids(pipeline) == {job}


@pytest.mark.parametrize("mode", ["array", "tiers"])
@pytest.mark.parametrize("argv", [("next",), ("plan",), ("render",), ("next", "--submit")], ids=" ".join)
def test_what_was_submitted_in_part_is_finished_or_refused_never_planned_again(
    omk_cluster: Cluster, argv: tuple[str, ...], mode: str
) -> None:
    pipeline = Pipeline(omk_cluster, mode=mode, chromosomes="19-22")
    pipeline.ready()
    after = '"$real" "$@"; kill -9 "$PPID"'
    pipeline.run("chromplan", "submit", env=pipeline.intercept("sbatch", after), check=False)
    done = pipeline.run("chromplan", *argv, check=False)
    if argv[-1] == "--submit":
        assert done.returncode == 0
    else:
        assert done.returncode == 1
        assert "submitted only in part" in done.stderr
        pipeline.chromplan("submit")
    pipeline.finish()
    assert pipeline.latest().name == "r001"
    assert set(pipeline.ran().values()) == {1}


def test_what_was_submitted_in_part_may_be_given_up(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, mode="jobs", chromosomes="19-22", command="sleep 300 # {chromosome}")
    pipeline.ready()
    halfway = 'echo x >> n; "$real" "$@"; if [ $(wc -l < n) = 2 ]; then kill -9 "$PPID"; fi'
    pipeline.run("chromplan", "submit", env=pipeline.intercept("sbatch", halfway), check=False)
    pipeline.chromplan("cancel", "--yes")
    queued = ("squeue", "-h", "-o", "%Z")
    pipeline.until(lambda: str(pipeline.folder) not in pipeline.run(*queued).stdout.splitlines())
    pipeline.chromplan("plan")
    assert pipeline.latest().name == "r002"


def test_a_manifest_that_is_gone_is_written_again(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="21-22")
    pipeline.ready()
    pipeline.chromplan("submit")
    before = pipeline.manifest()
    pipeline.run("rm", "rounds/r001/manifest.tsv")
    pipeline.chromplan("next")
    assert pipeline.manifest() == before
    pipeline.finish()
    assert set(pipeline.ran().values()) == {1}


def test_a_missing_script_is_noticed_before_anything_is_submitted(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="21-22")
    pipeline.ready()
    pipeline.run("rm", "rounds/r001/command.sh")
    refused = pipeline.run("chromplan", "submit", check=False)
    assert refused.returncode == 2
    assert "command.sh: not rendered" in refused.stderr
    assert array_ids(pipeline) == set()


def test_where_tiers_go_out_instead_and_their_scripts_are_gone_they_are_written_again(refusing: Cluster) -> None:
    pipeline = Pipeline(refusing, chromosomes="21-22")
    pipeline.ready()
    killed = pipeline.intercept("scontrol", '[ "$1" != show ] || exec "$real" "$@"; "$real" "$@"; kill -9 "$PPID"')
    pipeline.run("chromplan", "submit", env=killed, check=False)
    pipeline.run("sh", "-c", "rm rounds/r001/tier-*.sh")
    assert "was written again" in pipeline.run("chromplan", "submit").stderr
    pipeline.finish()
    assert pipeline.ran() == {"s1.chr21": 1, "s1.chr22": 1}


def test_a_controller_that_does_not_answer_for_a_while_does_not_make_an_array_tiers(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="21-22")
    pipeline.ready()
    away = 'echo "slurm_update error: Unable to contact slurm controller (connect failure)" >&2; exit 1'
    failing = pipeline.intercept("scontrol", f'[ $# -gt 0 ] || {{ {away}; }}; exec "$real" "$@"')
    assert pipeline.run("chromplan", "submit", env=failing, check=False).returncode == 1
    pipeline.chromplan("submit")
    pipeline.finish()
    assert {line.split("\t")[5] for line in pipeline.manifest()} == {"array.sh"}
    assert set(pipeline.ran().values()) == {1}


def test_a_submit_sh_that_was_interrupted_is_finished_by_submit(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, mode="tiers", chromosomes="18-22", formula="100 + 4 * length_mb")
    pipeline.ready()
    once = '[ ! -e n ] || kill -9 "$PPID"; touch n; exec "$real" "$@"'
    pipeline.run("bash", "rounds/r001/submit.sh", env=pipeline.intercept("sbatch", once), check=False)
    assert "was interrupted" in pipeline.run("bash", "rounds/r001/submit.sh", check=False).stderr
    assert "submitted only in part" in pipeline.run("chromplan", "plan", check=False).stderr
    pipeline.chromplan("submit")
    pipeline.finish()
    assert pipeline.ran() == {f"s1.chr{c}": 1 for c in range(18, 23)}


def test_with_slurmdbd_down_ingest_records_nothing_and_works_later(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="22")
    pipeline.ready()
    pipeline.chromplan("submit")
    pipeline.finish()
    before = (pipeline.folder / ".chromplan" / "history.sqlite").read_bytes()
    with omk_cluster.accounting.down():
        done = pipeline.run("chromplan", "ingest", check=False)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 2
    assert done.stderr.startswith("error: sacct: ")
    assert (pipeline.folder / ".chromplan" / "history.sqlite").read_bytes() == before
    assert "1 completed" in pipeline.chromplan("ingest")


@pytest.mark.parametrize("argv", [("plan",), ("render",), ("next",), ("next", "--submit"), ("submit",)], ids=" ".join)
def test_while_one_terminal_submits_another_changes_nothing(omk_cluster: Cluster, argv: tuple[str, ...]) -> None:
    pipeline = Pipeline(omk_cluster, chromosomes="20-22")
    pipeline.ready()
    slow = 'touch asked; while [ ! -e answer ]; do sleep 0.1; done; exec "$real" "$@"'
    env = pipeline.intercept("sbatch", slow)
    rendered = {path: path.read_bytes() for path in pipeline.latest().rglob("*.sh")}
    with ThreadPoolExecutor(1) as terminal:
        under_way = terminal.submit(pipeline.run, "chromplan", "submit", env=env)
        pipeline.until((pipeline.folder / "asked").exists)
        pipeline.configure(chromosomes="19-21")
        refused = pipeline.run("chromplan", *argv, check=False)
        pipeline.write("answer", "")
        under_way.result()
    assert refused.returncode == 1
    assert "another chromplan is at work here" in refused.stderr
    assert {path: path.read_bytes() for path in pipeline.latest().rglob("*.sh")} == rendered
    assert {row["task"]: row["outcome"] for row in pipeline.finish().values()} == dict.fromkeys(
        ("s1.chr20", "s1.chr21", "s1.chr22"), "completed"
    )
    assert pipeline.ran() == {f"s1.chr{c}": 1 for c in (20, 21, 22)}


def test_each_number_of_cpus_is_an_array_of_its_own(omk_cluster: Cluster) -> None:
    pipeline = Pipeline(
        omk_cluster,
        chromosomes="17-22",
        command="echo {cpus} $SLURM_CPUS_PER_TASK $SLURM_MEM_PER_NODE {mem_mb} > out/{sample}.chr{chromosome}",
    )
    text = (pipeline.folder / "chromplan.toml").read_text()
    pipeline.write("chromplan.toml", text.replace("time =", "cpus = [1, 2, 4]\ntime =", 1))
    pipeline.ready()
    pipeline.chromplan("submit")
    rows = pipeline.finish()
    assert {row["outcome"] for row in rows.values()} == {"completed"}
    assert len({line.split("\t")[1].split("_")[0] for line in pipeline.manifest()}) == 3
    for task in pipeline.json("plan", "--again")["tasks"]:
        told, slurms, granted_mb, mem_mb = (pipeline.folder / "out" / task["task"]).read_text().split()
        assert (told, granted_mb) == (slurms, mem_mb)
    pipeline.chromplan("ingest")
    cpus = {row["features"]["cpus"] for row in pipeline.json("history", "show")}
    assert cpus == {1.0, 2.0, 4.0}
