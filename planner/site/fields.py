"""Types of a site file's fields, with errors that say what is expected."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from planner.core import units
from planner.core.documents import option
from planner.site import price

_RATE = re.compile(r"([1-9]\d*)/(s|min|h)")
_RATE_UNIT_S = {"s": 1, "min": 60, "h": 3600}


def _duration(value: str) -> str:
    seconds = units.parse_duration_s(value)
    if seconds is None or seconds <= 0:
        raise ValueError("a time such as 12:00:00, 7-00:00:00 or UNLIMITED is expected")
    return value


def interval_s(rate: str) -> float:
    """Return the seconds between two events at a rate such as ``6/min``."""
    count, unit = rate.split("/")
    return _RATE_UNIT_S[unit] / int(count)


def _rate(value: str) -> str:
    if _RATE.fullmatch(value) is None:
        raise ValueError("a rate such as 6/min, 10/s or 100/h is expected")
    return value


def _option_or_empty(value: str) -> str:
    return option(value) if value else value


def _whole_path(value: str) -> str:
    if not value.startswith(("/", "~")):
        raise ValueError("a whole path such as /shared/lab/history.sqlite is expected")
    return value


def _weights(value: str) -> str:
    price.parse(value)
    return value


MiB = Annotated[int, BeforeValidator(units.whole_mib), Field(gt=0)]
MiBOrZero = Annotated[int, BeforeValidator(units.whole_mib), Field(ge=0)]
Count = Annotated[int, Field(strict=True, gt=0)]
Duration = Annotated[str, AfterValidator(_duration)]
Rate = Annotated[str, AfterValidator(_rate)]
WholePath = Annotated[str, AfterValidator(_whole_path)]
BillingWeights = Annotated[str, AfterValidator(_weights)]
Factor = Annotated[float, Field(ge=0, allow_inf_nan=False)]
OptionOrEmpty = Annotated[str, AfterValidator(_option_or_empty)]
