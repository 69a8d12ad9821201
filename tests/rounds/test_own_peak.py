"""Of a task's own record and Slurm's sample the larger counts, unless Slurm's counts shared memory more than once."""

from dataclasses import replace

import pytest
from observed import observation

from planner.core.records import Quality
from planner.plan.overheads import STEP_SHELLS_MB
from planner.rounds.fates import with_own_peak
from planner.runner.peak import OwnPeak

SAMPLED = observation(7, 900.0, {}, limit_mb=2000, quality=Quality.SAMPLED)
OWN = OwnPeak(peak_mb=300.0, quality=Quality.MEASURED, evidence="own", code=0, together=True)


def test_where_slurm_counts_shared_memory_twice_the_own_record_is_the_truth() -> None:
    found = with_own_peak(SAMPLED, OWN, shared_twice=True)
    assert (found.peak_mb, found.quality) == (300.0, Quality.MEASURED)


@pytest.mark.parametrize(
    "own",
    [
        pytest.param(replace(OWN, together=False), id="the largest process alone"),
        pytest.param(replace(OWN, code=None), id="killed before its end was seen"),
        pytest.param(replace(OWN, quality=Quality.SAMPLED), id="looked at too few times"),
    ],
)
def test_a_record_that_may_have_missed_memory_does_not_lower_the_sample(own: OwnPeak) -> None:
    assert with_own_peak(SAMPLED, own, shared_twice=True).peak_mb == 900.0 - STEP_SHELLS_MB


def test_elsewhere_the_larger_figure_counts() -> None:
    assert with_own_peak(SAMPLED, OWN, shared_twice=False).peak_mb == 900.0 - STEP_SHELLS_MB
    assert with_own_peak(SAMPLED, replace(OWN, peak_mb=1000.0), shared_twice=True).peak_mb == 1000.0


@pytest.mark.parametrize("slurms_mb", [None, 290.0, 300.0 + STEP_SHELLS_MB])
def test_whether_slurm_looked_in_time_at_the_shells_around_a_task_makes_no_difference(slurms_mb: float | None) -> None:
    assert with_own_peak(replace(SAMPLED, peak_mb=slurms_mb), OWN, shared_twice=False).peak_mb == 300.0


def test_a_killed_attempt_keeps_the_larger_bound() -> None:
    killed = replace(SAMPLED, quality=Quality.CENSORED, peak_mb=250.0)
    assert with_own_peak(killed, OWN, shared_twice=True).peak_mb == 300.0
    assert with_own_peak(replace(killed, peak_mb=305.0), OWN, shared_twice=False).peak_mb == 305.0
