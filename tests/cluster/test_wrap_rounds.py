"""Wrapped scripts as projects: chains, retries, history, signals, names."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Callable

import pytest
import slurm_processes as processes
from cluster import Cluster, slurm_version
from wrapped import HOLD, Folder, outcomes

from planner import slurm
from planner.wrap import options, words

pytestmark = pytest.mark.cluster


def test_a_step_follows_another_chromosome_by_chromosome_and_again_after_a_failure(omk_cluster: Cluster) -> None:
    folder = Folder(omk_cluster)
    gate = "while [ ! -e go ]; do sleep 0.2; done; "
    body = gate + '[ "$SLURM_ARRAY_TASK_ID" != 20 ] || [ -e repaired ] || exit 1; touch phased.$SLURM_ARRAY_TASK_ID'
    folder.script("phase.sh", body)
    folder.script("impute.sh", "cat phased.$SLURM_ARRAY_TASK_ID && touch imputed.$SLURM_ARRAY_TASK_ID")
    folder.script("score.sh", "c=$((SLURM_ARRAY_TASK_ID + 19)); cat imputed.$c && touch scored.$c", array="0-3")
    folder.write("map.txt", "0 chr19\n1 chr20\n2 chr21\n3 chr22\n")

    first = folder.sbatch("phase.sh")
    second = folder.sbatch(f"--dependency=aftercorr:{first}", "impute.sh")
    third = folder.sbatch("--after=impute", "--map=map.txt", "--mode=jobs", "score.sh")
    assert ":" not in second
    assert len(third.split(":")) == 4
    folder.write("go", "")
    folder.finish("phase")
    folder.finish("impute")
    assert outcomes(folder.finish("score")) == {
        "chr19": "completed",
        "chr20": "cancelled",
        "chr21": "completed",
        "chr22": "completed",
    }
    assert sorted(folder.left("scored.*")) == ["scored.19", "scored.21", "scored.22"]

    # nothing runs again, and nothing before its turn
    plan = json.loads(folder.project("impute", "next", "--json"))
    assert plan["tasks"] == []
    (left,) = plan["left_out"]
    assert left["task"] == "chr20"
    assert left["reason"].endswith(".phase: chr20 ended as failed; 'chromplan next' there first")
    folder.write("repaired", "")
    folder.project("phase", "next", "--retry-failed", "--submit")
    folder.project("impute", "next", "--submit")
    folder.project("score", "next", "--submit")
    folder.finish("phase")
    folder.finish("impute")
    assert set(outcomes(folder.finish("score")).values()) == {"completed"}
    assert sorted(folder.left("scored.*")) == ["scored.19", "scored.20", "scored.21", "scored.22"]


def test_a_killed_element_runs_again_and_sees_what_it_saw_before(cluster: Cluster) -> None:
    folder = Folder(cluster)
    seen = 'echo "$SLURM_ARRAY_TASK_ID $SLURM_ARRAY_TASK_MIN-$SLURM_ARRAY_TASK_MAX $SLURM_ARRAY_TASK_COUNT" >> seen.$1'
    # with Python, bash and srun about 100 MB: well above the script's own 60 MB and well below the double
    hold = f'[ "$SLURM_ARRAY_TASK_ID" != 21 ] || {HOLD.replace("$1", "75")}; sleep 1'
    folder.script("grow.sh", f"set -- $SLURM_ARRAY_TASK_ID; {seen}; {hold}")
    folder.sbatch("grow.sh")
    assert outcomes(folder.finish("grow")) == {
        "chr19": "completed",
        "chr20": "completed",
        "chr21": "oom",
        "chr22": "completed",
    }
    plan = json.loads(folder.project("grow", "next", "--submit", "--json"))
    assert [task["task"] for task in plan["tasks"]] == ["chr21"]
    rows = folder.finish("grow")
    assert set(outcomes(rows).values()) == {"completed"}
    assert rows["chr21"]["request_mb"] >= 120
    assert folder.left("seen.*")["seen.21"] == "21 19-22 4\n" * 2


def test_steps_whose_rounds_follow_each_other_keep_their_order(omk_cluster: Cluster) -> None:
    folder = Folder(omk_cluster)
    # with Python and bash about 100 MB: above the script's own 60 MB, below the double
    hold = f'[ "$SLURM_ARRAY_TASK_ID" != 21 ] || {HOLD.replace("$1", "75")}'
    folder.script("phase.sh", f"{hold} || exit 1; touch phased.$SLURM_ARRAY_TASK_ID", array="20-22")
    folder.script("impute.sh", "cat phased.$SLURM_ARRAY_TASK_ID && touch imputed.$SLURM_ARRAY_TASK_ID", array="20-22")
    folder.sbatch("--then-next", "phase.sh")
    folder.sbatch("--then-next", "--after=phase", "impute.sh")
    queue = ["squeue", "-h", "-o", "%F"]
    processes.wait_until(lambda: not omk_cluster.run(queue).stdout, "the last job to end", timeout_s=120, pause_s=0.5)
    assert sorted(folder.left("imputed.*")) == ["imputed.20", "imputed.21", "imputed.22"]
    for step in ("phase", "impute"):
        rows = folder.finish(step)
        assert set(outcomes(rows).values()) == {"completed"}
        assert rows["chr21"]["round"] == 2


def test_history_is_found_under_the_name_of_the_script(omk_cluster: Cluster) -> None:
    folder = Folder(omk_cluster)
    name = f"known-{time.time_ns()}"
    body = f"set -- $((3 * SLURM_ARRAY_TASK_ID)); {HOLD}"
    folder.script("known.sh", body, f"-J {name}", "--mem=1000M", array="17-22")
    before = folder.run("sbatch", "--parsable", "known.sh")
    omk_cluster.wait(*(f"{before}_{index}" for index in range(17, 23)))
    folder.sbatch("--since=now-1hour", "known.sh", history=True)
    plan = json.loads((folder.last_run(name) / "rounds/r001/plan.json").read_text())
    assert len(plan["tasks"]) == 6
    assert all(task["request_mb"] < 500 for task in plan["tasks"])
    assert all("observations" in task["reason"] for task in plan["tasks"])
    assert set(outcomes(folder.finish(name)).values()) == {"completed"}

    # with another argument it is another run of the same tool: what the first one used is known there
    folder.sbatch("known.sh", "NA2")
    plan = json.loads((folder.last_run(f"{name}.NA2") / "rounds/r001/plan.json").read_text())
    assert all("12 observations" in task["reason"] for task in plan["tasks"])


@pytest.mark.parametrize("mode", ["tiers", "jobs"])
def test_in_every_mode_the_script_sees_its_own_array(omk_cluster: Cluster, mode: str) -> None:
    folder = Folder(omk_cluster)
    body = 'env | grep "^SLURM_ARRAY_TASK" | sort > env.$SLURM_ARRAY_TASK_ID; [ "$SLURM_ARRAY_JOB_ID" -gt 0 ]'
    folder.script("see.sh", body, array="2-10:4,22")
    ids = folder.sbatch(f"--mode={mode}", "see.sh")
    after = folder.run("sbatch", "--parsable", f"--dependency=afterok:{ids}", "--wrap=touch all-done", "-o/dev/null")
    assert set(outcomes(folder.finish("see")).values()) == {"completed"}
    omk_cluster.wait(after)
    assert folder.left("env.*") == {
        f"env.{index}": f"SLURM_ARRAY_TASK_COUNT=4\nSLURM_ARRAY_TASK_ID={index}\nSLURM_ARRAY_TASK_MAX=22\n"
        "SLURM_ARRAY_TASK_MIN=2\nSLURM_ARRAY_TASK_STEP=4\n"
        for index in (2, 6, 10, 22)
    }
    assert (folder.path / "all-done").exists()


def test_signals_reach_the_script_and_it_may_tidy_up(start_cluster: Callable[..., Cluster]) -> None:
    cluster = start_cluster()
    folder = Folder(cluster)
    body = """
trap 'echo usr1 >> said.$SLURM_ARRAY_TASK_ID; exit 5' USR1
trap 'echo term >> said.$SLURM_ARRAY_TASK_ID; sleep 1; echo tidy >> said.$SLURM_ARRAY_TASK_ID; exit 6' TERM
touch "ready.$SLURM_ARRAY_TASK_ID"
sleep 60 & wait"""
    folder.script("signals.sh", body, array="21-22")
    job = folder.sbatch("signals.sh")
    processes.wait_until(lambda: len(folder.left("ready.*")) == 2, "both to be ready", timeout_s=60, pause_s=0.2)
    folder.run("scancel", f"{job}_21")
    processes.wait_until(lambda: folder.left("said.21") == {"said.21": "term\ntidy\n"}, "the script to tidy up")
    folder.run("scancel", "--batch", "--signal=USR1", f"{job}_22")
    assert outcomes(folder.finish("signals")) == {"chr21": "cancelled", "chr22": "failed"}
    assert folder.left("said.*") == {"said.21": "term\ntidy\n", "said.22": "usr1\n"}
    assert cluster.sacct(f"{job}_22", fields=("JobID", "ExitCode"))[0]["ExitCode"] == "5:0"


def test_any_name_and_argument_reaches_the_script_unchanged(omk_cluster: Cluster) -> None:
    folder = Folder(omk_cluster, name='it\'s a $(id) "folder" ü')
    arguments = ["a b", "it's", "$(id)", "`id`", "{sample}", "{{x}}", '"', "\\", "-n", "", "ü", "a\nb", "x" * 300]
    folder.script("say.sh", 'printf "%s\\0" "$SLURM_JOB_NAME" "$PWD" "$@" > said; exit 0', array="22")
    name = 'it\'s "$(name)" {x} #1'
    folder.sbatch("-J", name, "--comment", 'a "b" # c', "say.sh", *arguments)
    run = json.loads(folder.run("chromplan", "runs", "--json"))[0]
    assert set(outcomes(folder.finish(run["name"])).values()) == {"completed"}
    assert (folder.path / "said").read_text().split("\0")[:-1] == [name, str(folder.path), *arguments]


def test_lines_are_split_as_this_sbatch_splits_them(omk_cluster: Cluster) -> None:
    folder = Folder(omk_cluster)
    source = random.Random(7)
    pieces = ["a", "b", "-c", " ", "\t", '"', "'", "\\", "#", "=", '\\"', "\\'", "\\ ", "\\#", "\\\\"]
    lines = ["".join(source.choice(pieces) for _ in range(source.randint(1, 14))) for _ in range(60)]
    if slurm_version() < (24, 11):
        # a backslash before a blank takes it from later versions on
        lines = [line for line in lines if not re.search(r"\\[ \t]", line)]
    for number, line in enumerate(lines):
        folder.write(f"{number}.sh", f"#!/bin/bash\n#SBATCH {line}\n")
    loop = f'for i in $(seq 0 {len(lines) - 1}); do echo "== $i"; sbatch -vvv --test-only "$i.sh" 2>&1; done; true'
    said = folder.run("bash", "-c", loop).split("== ")[1:]
    refused = 0
    for line, block in zip(lines, said, strict=True):
        found = re.findall(r'Found in script, argument "(.*)"$', block, re.MULTILINE)
        try:
            assert words.split(line) == found
        except ValueError:
            refused += 1
            assert "Unmatched" in block
    assert 0 < refused < len(lines)


def test_options_take_their_values_as_this_sbatch_takes_them(
    omk_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in omk_cluster.environment().items():
        monkeypatch.setenv(name, value)
    found = {name: slurm.option_form(name) for name in options.LONG - {"help", "usage", "version"}}
    # some versions do not have all
    assert {name for name in options.FLAGS if found.get(name) not in (None, "flag")} == set()
    assert {name for name in options.VALUED if found[name] not in (None, "valued")} == set()
    assert {name for name in options.OPTIONAL if found[name] == "valued"} == set()
    assert len([name for name, form in found.items() if form]) > 90


def test_each_submission_is_a_run_and_nothing_of_one_counts_as_done_for_another(omk_cluster: Cluster) -> None:
    folder = Folder(omk_cluster)
    # with Python and bash about 100 MB: above the script's own 60 MB, below the double
    hold = f'[ "$COHORT.$SLURM_ARRAY_TASK_ID" != A.21 ] || {HOLD.replace("$1", "75")} || exit 1'
    folder.script("cohorts.sh", f"{hold}; echo $COHORT > out.$COHORT.$SLURM_ARRAY_TASK_ID", array="21-22")
    for cohort in "AB":
        folder.sbatch("--then-next", f"--export=ALL,COHORT={cohort}", "cohorts.sh")
    queue = ["squeue", "-h", "-o", "%F"]
    processes.wait_until(lambda: not omk_cluster.run(queue).stdout, "the last job to end", timeout_s=120, pause_s=0.5)
    assert folder.left("out.*") == {f"out.{c}.{i}": f"{c}\n" for c in "AB" for i in (21, 22)}
    runs = json.loads(folder.run("chromplan", "runs", "--json"))
    assert [(one["name"], one["completed"], one["tasks"]) for one in runs[:2]] == [("cohorts", 2, 2)] * 2


def test_a_retry_runs_the_script_and_the_variables_of_the_first_submission(omk_cluster: Cluster) -> None:
    folder = Folder(omk_cluster)
    hold = f'[ "$SLURM_ARRAY_TASK_ID" != 21 ] || {HOLD.replace("$1", "75")} || exit 1'
    told = 'scontrol show job "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID" | grep -o "Command=.*" > told.$1; '
    folder.script("edit.sh", f"{hold}; set -- $SLURM_ARRAY_TASK_ID; {told} echo $COHORT > was.$1", array="20-22")
    text = (folder.path / "edit.sh").read_text()
    folder.run("env", "COHORT=first", "chromplan", "sbatch", "--no-history", "edit.sh")
    assert outcomes(folder.finish("edit"))["chr21"] == "oom"
    folder.write("edit.sh", text.replace("was.", "edited."))
    folder.run("env", "COHORT=second", "chromplan", "next", "--submit", "-C", "edit")
    assert set(outcomes(folder.finish("edit")).values()) == {"completed"}
    assert folder.left("was.*") == dict.fromkeys(("was.20", "was.21", "was.22"), "first\n")
    assert folder.left("edited.*") == {}
    assert folder.left("told.*")["told.20"] == f"Command={folder.path}/edit.sh\n"
    assert folder.left("told.*")["told.21"].startswith(f"Command={folder.path}/.edit.sh.chromplan-")


def test_what_sbatch_does_for_wait_quiet_test_only_and_standard_input(omk_cluster: Cluster) -> None:
    folder = Folder(omk_cluster)
    sbatch = ["chromplan", "sbatch", "--no-history"]

    def submitted(*words: str, stdin: str | None = None) -> tuple[int, str, str]:
        done = omk_cluster.run([*sbatch, *words], cwd=folder.path, stdin=stdin, check=False)
        return done.returncode, done.stdout, done.stderr

    given = ["--mem=50M", "-t", "5", "-o", "/dev/null", "--array=1-3"]
    code, printed, _ = submitted("--wait", *given, "--wrap=exit $SLURM_ARRAY_TASK_ID")
    assert (code, printed.strip().isdecimal()) == (3, True)
    code, printed, said = submitted("-Q", "--parsable", *given, stdin="#!/bin/sh\ntouch read.$SLURM_ARRAY_TASK_ID\n")
    assert (code, printed.strip().isdecimal(), said) == (0, True, "")
    omk_cluster.wait(*(f"{printed.strip()}_{index}" for index in (1, 2, 3)))
    assert sorted(folder.left("read.*")) == ["read.1", "read.2", "read.3"]
    for trial in ("--test-only", "--dry-run"):
        assert submitted(trial, *given, "--wrap=touch never")[0] == 0
    assert submitted("--test-only", *given, "--cpus-per-task=1000", "--wrap=true")[0] != 0
    assert omk_cluster.run(["squeue", "-h"]).stdout == ""
    assert folder.left("never") == {}


def test_short_tasks_are_learnt_where_the_site_reads_memory_rarely(start_cluster: Callable[..., Cluster]) -> None:
    folder = Folder(start_cluster(extra="JobAcctGatherFrequency=30"))
    folder.script("short.sh", f"set -- 20; {HOLD}", array="1-3")
    folder.run("sbatch", "short.sh")
    folder.sbatch("short.sh")
    rows = folder.finish("short")
    assert {row["quality"] for row in rows.values()} == {"sampled"}
    # what Slurm read by itself of the first array tells nothing, and is not taken for a peak
    folder.sbatch("short.sh", history=True)
    plan = json.loads((folder.last_run("short") / "rounds/r001/plan.json").read_text())
    assert all("3 observations" in task["reason"] for task in plan["tasks"])
    assert set(outcomes(folder.finish("short")).values()) == {"completed"}


def test_indices_that_are_no_chromosomes_are_planned_learnt_and_retried(omk_cluster: Cluster) -> None:
    folder = Folder(omk_cluster)
    folder.write("sheet.txt", "".join(f"S{n} {75 if n == 4 else 10}\n" for n in range(1, 7)))
    body = 'set -- $(sed -n "${SLURM_ARRAY_TASK_ID}p" sheet.txt); shift; ' + HOLD + " || exit 1"
    folder.script("sheet.sh", body, array="1-6")
    folder.sbatch("sheet.sh")
    rows = folder.finish("sheet")
    assert outcomes(rows) == {f"S{n}": "oom" if n == 4 else "completed" for n in range(1, 7)}
    folder.project("sheet", "next", "--submit")
    rows = folder.finish("sheet")
    assert set(outcomes(rows).values()) == {"completed"}
    folder.sbatch("sheet.sh")
    plan = json.loads((folder.last_run("sheet") / "rounds/r001/plan.json").read_text())
    assert all("6 observations" in task["reason"] for task in plan["tasks"])
    assert {task["task"]: task["request_mb"] for task in plan["tasks"]}["S4"] > rows["S4"]["peak_mb"]
    assert set(outcomes(folder.finish("sheet")).values()) == {"completed"}


def test_logs_without_a_folder_get_one_and_where_it_is_not_ours_to_make_status_says_why_nothing_ran(
    omk_cluster: Cluster,
) -> None:
    folder = Folder(omk_cluster)
    folder.script("inner.sh", "echo here", "-o logs/of/%x.%a", array="21-22")
    folder.script("outer.sh", "echo there", "-o /nowhere/%a", array="21-22")
    for name in ("inner", "outer"):
        folder.sbatch(f"{name}.sh")
    assert set(outcomes(folder.finish("inner")).values()) == {"completed"}
    assert set(folder.left("logs/of/*")) == {"inner.sh.21", "inner.sh.22"}
    assert set(outcomes(folder.finish("outer")).values()) == {"infra"}
    assert "no folder /nowhere for the log: mkdir -p /nowhere" in folder.project("outer", "status")
