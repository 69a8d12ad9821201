"""How many parts chromosomes become: never worse than equal splits, within the limits."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from planner.plan.splitting import FIXED, PARTS, Aim, Divisible, Piece, SplitEstimate, choose, fewest
from planner.schedule.listing import Dispatch, Machine

NODE_MB = 1000


def divisible(
    lengths: list[int], *, nodes: int = 2, fixed_s: float = 10, fixed_mb: float = 50, most_tasks: int = 1000
) -> Divisible:
    """Return chromosomes of these lengths: memory and time are a constant and a share of the length."""

    def pieces(length: int, number: int) -> tuple[Piece, ...]:
        mem_mb, wall_s = round(fixed_mb + 10 * length / number), fixed_s + length / number
        return number * (Piece(mem_mb=mem_mb, cpus=1, wall_s=wall_s, limit_s=600, price=mem_mb * wall_s),)

    return Divisible(
        pieces={
            str(place): {k: pieces(length, k) for k in PARTS if pieces(length, k)[0].mem_mb <= NODE_MB}
            for place, length in enumerate(lengths)
        },
        machine=Machine(cap_mb=NODE_MB, cores=8, nodes=nodes, dispatch=Dispatch.BACKFILL),
        most_tasks=most_tasks,
    )


def equal_parts(work: Divisible, number: int) -> SplitEstimate | None:
    """Return what at most ``number`` equal parts of each chromosome come to; None where that is refused."""
    fitting = {name: [k for k in by_number if k <= number] for name, by_number in work.pieces.items()}
    if not all(fitting.values()):
        return None
    only = {name: {max(of): work.pieces[name][max(of)]} for name, of in fitting.items()}
    found = choose(replace(work, pieces=only), Aim.SOONEST)
    return found if found.tasks <= max(work.most_tasks, sum(fewest(work).values())) else None


works = st.builds(
    divisible,
    st.lists(st.integers(1, 250), min_size=1, max_size=8),
    nodes=st.integers(1, 4),
    fixed_s=st.floats(0, 100),
    fixed_mb=st.floats(1, 300),
    most_tasks=st.integers(1, 60),
)


@settings(deadline=None, max_examples=40)
@given(works, st.sampled_from(Aim))
def test_a_choice_is_never_worse_than_equal_splits_and_keeps_the_limits(work: Divisible, aim: Aim) -> None:
    found = choose(work, aim)
    assert found.tasks <= max(work.most_tasks, sum(fewest(work).values()))
    for number in FIXED:
        fixed = equal_parts(work, number)
        if fixed is not None:
            assert found.figure(aim) <= fixed.figure(aim)
    assert all(parts in work.pieces[name] for name, parts in found.parts.items())


@settings(deadline=None, max_examples=20)
@given(works)
def test_the_same_work_is_always_cut_alike(work: Divisible) -> None:
    assert choose(work, Aim.SOONEST) == choose(work, Aim.SOONEST)


def test_what_fits_no_node_whole_is_cut() -> None:
    work = divisible([200, 50])
    found = choose(work, Aim.SOONEST)
    assert equal_parts(work, 1) is None
    assert fewest(work) == {"0": 3, "1": 1}
    assert found.parts["0"] >= 3


def test_with_dear_parts_nothing_is_cut_without_need() -> None:
    assert choose(divisible([20, 20, 20], fixed_s=1000), Aim.CHEAPEST).parts == {"0": 1, "1": 1, "2": 1}


def test_a_long_chromosome_that_the_others_wait_for_is_cut_alone() -> None:
    found = choose(divisible([90, 5, 5, 5], nodes=4, fixed_s=5), Aim.SOONEST)
    assert found.parts["0"] > max(list(found.parts.values())[1:])


def test_where_memory_is_paid_for_more_parts_may_be_cheaper_than_the_soonest() -> None:
    work = divisible([90, 60, 30], nodes=1)
    assert choose(work, Aim.CHEAPEST).price <= 1.005 * choose(work, Aim.SOONEST).price


def test_chromosomes_that_have_run_in_part_keep_their_parts() -> None:
    work = divisible([200, 50])
    kept = Divisible(
        pieces={**work.pieces, "1": {5: work.pieces["1"][5][:2]}},
        machine=work.machine,
        most_tasks=1000,
        kept=frozenset({"1"}),
    )
    assert choose(kept, Aim.SOONEST).parts["1"] == 5
