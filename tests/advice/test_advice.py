"""What past arrays should have asked for: predicted from the others, compared, and put into one line."""

import math
from dataclasses import replace

import past_arrays
import pytest
from past_arrays import LENGTHS_BP, Job, arrays, by_chromosome, killed

from planner.advice.advice import Advice, advise
from planner.advice.ways import Way


def advised(*jobs: Job) -> Advice:
    (array,) = arrays(*jobs)
    return advise(array, lengths_bp=LENGTHS_BP)


@pytest.fixture(scope="module")
def chromosomes() -> Advice:
    return advised(*by_chromosome())


@pytest.fixture(scope="module")
def samples() -> Advice:
    peaks = [900 + 37 * (7 * index % 31) for index in range(1, 31)]
    return advised(*(Job(id=f"7_{index}", peak_mb=peak) for index, peak in enumerate(peaks, start=1)))


def requests(advice: Advice, way: Way) -> dict[str, int]:
    (figures,) = (one for one in advice.ways if one.way is way)
    return {row.element.label: mb for row, mb in zip(advice.foresight.rows, figures.requests_mb, strict=True)}


def test_chromosomes_are_recognised_by_their_peaks(chromosomes: Advice) -> None:
    assert chromosomes.foresight.follows_length == pytest.approx(1, abs=0.02)
    own = requests(chromosomes, Way.OWN)
    assert own["3"] > 1.5 * own["21"]


def test_an_array_over_samples_is_not_taken_for_chromosomes() -> None:
    peaks = [900 + 37 * (7 * index % 31) for index in range(1, 23)]
    advice = advised(*(Job(id=f"7_{index}", peak_mb=peak) for index, peak in enumerate(peaks, start=1)))
    assert advice.foresight.follows_length is None
    assert advice.foresight.own_mb is not None
    assert advice.foresight.own_mb[0] == advice.foresight.own_mb[1]


def test_no_element_is_predicted_from_itself() -> None:
    jobs = [Job(id=f"7_{index}", peak_mb=1000 + index) for index in range(1, 12)]
    jobs[4] = replace(jobs[4], peak_mb=7500)
    giant = next(row for row in advised(*jobs).foresight.rows if row.element.label == "5")
    assert giant.prediction.point_mb < 1100
    assert giant.prediction.request_mb < 7500
    assert requests(advised(*jobs), Way.ONE)["5"] == math.ceil(1.1 * 1011)


def test_a_killed_element_is_taken_to_need_more_than_it_had(chromosomes: Advice) -> None:
    first = chromosomes.foresight.rows[0]
    assert first.element.label == "1"
    assert first.assumed
    assert first.peak_mb > 7000
    asked, own = (next(one for one in chromosomes.ways if one.way is way) for way in (Way.ASKED, Way.OWN))
    assert asked.killed == sum(row.assumed for row in chromosomes.foresight.rows) > 0
    assert own.killed == 0


def test_each_its_own_wastes_less_than_tiers_and_these_less_than_one(chromosomes: Advice) -> None:
    wasted = {one.way: one.wasted_mb_s for one in chromosomes.ways}
    assert wasted[Way.KNOWN] < wasted[Way.OWN] < wasted[Way.TIERS] < wasted[Way.ONE]


@pytest.mark.parametrize("name", ["chromosomes", "samples"])
def test_every_figure_can_be_followed_to_the_elements(name: str, request: pytest.FixtureRequest) -> None:
    advice: Advice = request.getfixturevalue(name)
    rows = advice.foresight.rows
    for one in advice.ways:
        within = sum(mb >= row.peak_mb for mb, row in zip(one.requests_mb, rows, strict=True))
        assert one.coverage == within / len(rows)
        used = sum(row.peak_mb * row.wall_s for row in rows)
        assert one.reserved_mb_s == pytest.approx(used + one.wasted_mb_s)
        if not one.killed:
            spare = [(mb - row.peak_mb) * row.wall_s for mb, row in zip(one.requests_mb, rows, strict=True)]
            assert one.wasted_mb_s == pytest.approx(sum(spare))


def test_what_survived_above_its_limit_was_not_killed() -> None:
    jobs = [Job(id=f"7_{index}", peak_mb=1200, limit_mb=1000) for index in range(1, 6)]
    asked = next(one for one in advised(*jobs).ways if one.way is Way.ASKED)
    assert (asked.killed, asked.coverage) == (0, 1)


def test_it_is_replayed_in_the_memory_that_was_held_at_once() -> None:
    # two at a time for want of memory; with half of it each, all four run at once
    jobs = [
        Job(id=f"7_{index}", peak_mb=1000 + index, limit_mb=4000, start_s=past_arrays.SUBMIT_S + 1000 * (index > 2))
        for index in range(1, 5)
    ]
    advice = advised(*jobs)
    assert advice.pool_mb == 8000
    assert advice.expected[Way.ASKED].makespan_s == 2000
    assert advice.expected[Way.KNOWN].makespan_s == 1000
    assert advice.expected[Way.KNOWN].held_mb == 4010


def test_without_times_nothing_is_said_of_the_schedule() -> None:
    jobs = [Job(id=f"7_{index}", start_s=0) for index in range(1, 6)]
    advice = advised(*jobs)
    assert advice.pool_mb is None
    assert advice.expected == {}
    assert advice.ways


def test_too_few_to_predict_from_is_said() -> None:
    assert "--name" in advised(Job(id="7")).foresight.why_not
    jobs = [killed(Job(id=f"7_{index}")) for index in range(1, 9)]
    advice = advised(*jobs)
    assert advice.foresight.why_not.startswith("0 of 8 have a peak")
    assert advice.next_time is not None
    assert advice.next_time.directives[0] == "#SBATCH --mem=10400M"


# --- next time ----------------------------------------------------------------------------------------------------


def directives(*jobs: Job) -> tuple[str, ...]:
    found = advised(*jobs).next_time
    assert found is not None
    return found.directives


def test_one_mem_is_the_largest_peak_and_a_tenth() -> None:
    assert directives(Job(id="7_1", peak_mb=2000), Job(id="7_2", peak_mb=100))[0] == "#SBATCH --mem=2200M"


def test_memory_that_was_asked_for_per_cpu_is_given_per_cpu() -> None:
    assert directives(Job(id="7", peak_mb=8000, cpus=4, req_mem="4000Mc"))[0] == "#SBATCH --mem-per-cpu=2200M"
    line = "sbatch --mem-per-cpu=4G run.sh"
    assert directives(Job(id="7", peak_mb=8000, cpus=4, line=line))[0] == "#SBATCH --mem-per-cpu=2200M"


def test_a_time_limit_is_given_where_it_was_far_off() -> None:
    assert directives(Job(id="7", wall_s=3600, limit_s=86_400))[1:] == ("#SBATCH --time=01:15:00",)
    assert directives(Job(id="7", wall_s=3600, limit_s=5000))[1:] == ()
    slow = Job(id="7_2", state="TIMEOUT", wall_s=3600, limit_s=3600)
    assert directives(Job(id="7_1", wall_s=3000, limit_s=3600), slow)[1:] == ("#SBATCH --time=02:00:00",)


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("sbatch --array=1-22 impute.sh NA12878", "chromplan sbatch --array=1-22 impute.sh NA12878"),
        ("/usr/bin/sbatch impute.sh", "chromplan sbatch impute.sh"),
        ("sbatch impute.sh $(date)", "chromplan sbatch impute.sh '$(date)'"),
        ("", "chromplan sbatch --array=1-2 impute.sh"),
        ("sbatch --wrap=a b", "chromplan sbatch --array=1-2 impute.sh"),
        ("srun hostname", ""),
        # what chromplan itself submitted: its own options are the plan's
        (
            (
                "sbatch --parsable --time=9:00 --hold --mem=267M --array=1-2 --time=00:10:00 --acctg-freq=task=1 "
                "--comment=chromplan:r001:a53d11:array impute.sh NA1 --hold"
            ),
            "chromplan sbatch --time=9:00 impute.sh NA1 --hold",
        ),
        (
            (
                "sbatch --parsable -p long --mem-per-cpu=267M --array=1-2 "
                "--comment=my words chromplan:r012:a53d11:tier1 --dependency=singleton "
                "--kill-on-invalid-dep=yes impute.sh"
            ),
            "chromplan sbatch -p long impute.sh",
        ),
        ("sbatch --parsable --array=1-2 impute.sh", "chromplan sbatch --array=1-2 impute.sh"),
        ("sbatch --parsable --export=NONE --comment=chromplan:r001:a5:array --hold rounds/r001/jobs/array.sh", ""),
    ],
)
def test_the_command_is_the_one_that_was_typed(line: str, command: str) -> None:
    found = advised(Job(id="7_1", line=line), Job(id="7_2", line=line)).next_time
    assert found is not None
    assert found.sbatch == command


def test_of_what_never_ran_to_its_end_it_is_said_that_it_may_need_more() -> None:
    (array,) = arrays(Job(id="7", state="FAILED", exit_code="1:0", peak_mb=3000, line="sbatch a.sh"))
    found = advise(array, lengths_bp=LENGTHS_BP).next_time
    assert found is not None
    assert found.why == "nothing ran to its end, so it may need more"
    assert found.sbatch == "chromplan sbatch a.sh"


def test_without_any_peak_nothing_is_said_of_next_time() -> None:
    assert advised(Job(id="7", peak_mb=None)).next_time is None
