"""What a plan, or a project's attempts, cost: core-hours, billing units, money and CO2."""

from __future__ import annotations

from collections.abc import Sequence

from planner.core.records import Observation
from planner.core.wording import number
from planner.plan.document import Plan, Target
from planner.report.reserved import Reservation, reservations, reserved
from planner.site import Site
from planner.site.price import Price


def price(plan: Plan) -> Price | None:
    """Return the expected cost of a plan; None while durations are unknown."""
    return price_of(plan.target.site, reservations(plan))


def price_of(site: Site, held: Sequence[Reservation]) -> Price | None:
    """Return what reservations cost at a site; None while a duration is unknown."""
    if any(one.wall_s is None for one in held):
        return None
    billed_h = sum(one.units * (one.wall_s or 0.0) for one in held) / 3600
    return Price(
        core_h=sum(one.cpus * (one.wall_s or 0.0) for one in held) / 3600,
        billed_h=billed_h,
        money=None if site.money_per_unit_h is None else site.money_per_unit_h * billed_h,
        co2_g=None if site.co2_g_per_unit_h is None else site.co2_g_per_unit_h * billed_h,
    )


def price_sentence(plan: Plan) -> str | None:
    """Return a plan's cost in words, one line; None if the site has no price, or durations are unknown."""
    found = price(plan) if plan.target.site.has_price(plan.target.partition) else None
    return None if found is None else f"costs {_in_words(plan.target.site, found)}"


def priced(plans: Sequence[Plan]) -> Target | None:
    """Return where plans run if jobs have a price there, the latest last.

    None if the site has no price, or where tasks share allocations, which cost more than their tasks.
    """
    if not plans or any(plan.mode.tasks_are_steps for plan in plans):
        return None
    target = plans[-1].target
    return target if target.site.has_price(target.partition) else None


def spent_sentence(plans: Sequence[Plan], ended: Sequence[Observation]) -> str | None:
    """Return what the attempts of a project's rounds have cost, in words.

    None without a price, see `priced`.
    """
    target = priced(plans)
    if target is None:
        return None
    held = [
        reserved(target, target.partition, one.limit_mb, one.cpus, one.wall_s)
        for one in ended
        if one.limit_mb and one.wall_s is not None
    ]
    found = price_of(target.site, held)
    return f"cost so far: {_in_words(target.site, found)}" if held and found else None


def _in_words(site: Site, found: Price) -> str:
    parts = [f"{number(found.core_h)} core-hours", f"{number(found.billed_h)} billing unit-hours"]
    if found.money is not None:
        parts.append(f"{number(found.money)} {site.currency}")
    if found.co2_g is not None:
        parts.append(f"{number(found.co2_g)} g of CO2")
    return ", ".join(parts)
