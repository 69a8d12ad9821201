"""What doctor makes of a cluster and a machine."""

from __future__ import annotations

from dataclasses import replace

import pytest

from planner.actions.findings import Circumstances, Level, findings

CONFIG = {
    "AccountingStorageType": "accounting_storage/slurmdbd",
    "ConstrainRAMSpace": "yes",
    "JobAcctGatherFrequency": "task=30",
    "JobAcctGatherType": "jobacct_gather/cgroup",
    "JobSubmitPlugins": "(null)",
    "MaxArraySize": "1001",
    "MaxJobCount": "10000",
    "PriorityType": "priority/multifactor",
    "PriorityWeightAge": "1000",
    "PriorityWeightTRES": "(null)",
    "SchedulerType": "sched/backfill",
    "SelectTypeParameters": "CR_CORE_MEMORY",
    "TaskPlugin": "task/cgroup,task/affinity",
}
GOOD = Circumstances(slurm="slurm-wlm 24.11.5", config=CONFIG)


def levels(seen: Circumstances) -> dict[str, Level]:
    return {one.about: one.level for one in findings(seen)}


def with_config(**changes: str) -> Circumstances:
    return replace(GOOD, config=CONFIG | changes)


def test_on_a_good_cluster_all_is_fine() -> None:
    assert set(levels(GOOD).values()) == {Level.FINE}


@pytest.mark.parametrize(
    ("seen", "about", "level"),
    [
        (replace(GOOD, slurm=None), "Slurm", Level.WRONG),
        (replace(GOOD, slurm="slurm 23.02.1"), "Slurm", Level.NOTE),
        (replace(GOOD, silent="Unable to contact slurm controller"), "slurmctld", Level.WRONG),
        (replace(GOOD, sacct_failed="Connection refused"), "accounting", Level.WRONG),
        (with_config(AccountingStorageType="accounting_storage/none"), "accounting", Level.NOTE),
        (with_config(AccountingStorageType="(null)"), "accounting", Level.NOTE),
        (with_config(JobAcctGatherType="jobacct_gather/none"), "memory is sampled", Level.NOTE),
        (with_config(JobAcctGatherFrequency="0"), "memory is sampled", Level.NOTE),
        (with_config(JobAcctGatherFrequency="energy=30,task=0"), "memory is sampled", Level.NOTE),
        (with_config(SelectTypeParameters="CR_CORE"), "memory is counted", Level.WRONG),
        (with_config(ConstrainRAMSpace="no"), "memory is enforced", Level.NOTE),
        (with_config(TaskPlugin="task/affinity"), "memory is enforced", Level.NOTE),
        (with_config(PriorityWeightAge="0"), "order of tasks", Level.NOTE),
        (with_config(PriorityWeightTRES="mem=2000"), "order of tasks", Level.NOTE),
        (with_config(PriorityType="priority/basic"), "order of tasks", Level.FINE),
        (with_config(SchedulerType="sched/builtin"), "order of tasks", Level.FINE),
        (with_config(MaxArraySize="0"), "MaxArraySize", Level.WRONG),
        (with_config(MinJobAge="2 sec"), "MinJobAge", Level.NOTE),
        (with_config(JobSubmitPlugins="lua"), "waiting jobs may be changed", Level.NOTE),
        (replace(with_config(JobSubmitPlugins="lua"), update_refused=""), "waiting jobs may be changed", Level.FINE),
        (replace(GOOD, update_refused="Access denied"), "waiting jobs may be changed", Level.NOTE),
        (replace(GOOD, variables=("SBATCH_ACCOUNT",)), "environment", Level.NOTE),
        (replace(GOOD, own_defaults=True), "~/.slurm/defaults", Level.NOTE),
        (replace(GOOD, bash=(4, 2)), "bash", Level.WRONG),
        (replace(GOOD, bash=None), "bash", Level.WRONG),
        (replace(GOOD, gnu_time=False), "/usr/bin/time", Level.NOTE),
        (replace(GOOD, flock=False), "locks in this folder", Level.NOTE),
    ],
)
def test_what_is_otherwise_is_told_with_what_it_means(seen: Circumstances, about: str, level: Level) -> None:
    assert levels(seen)[about] is level
    others = {name: found for name, found in levels(seen).items() if name != about}
    assert set(others.values()) <= {Level.FINE}
    assert all(one.means for one in findings(seen) if one.level is not Level.FINE)
