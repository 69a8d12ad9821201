"""The formula file: TOML that people read, compare and pass on, checked field by field when it is read."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from planner.core.errors import InputError
from planner.core.toml import toml_value
from planner.formula.conformal import Calibration

VERSION = 1
_LONGEST_FILE = 200_000

_HEADER = """\
# A memory formula of chromplan: the expected peak in MiB as arithmetic, and how far to trust it.
# `chromplan formula show FILE` explains it, `chromplan formula export FILE --to bash` makes it a one-liner.
"""
_CALIBRATION = """\
# Bound at a level = prediction x factor; factors hold at the knots (predictions, MiB), straight lines between them.
"""

_RATIOS = """\
# The highest ratios of features: a task may be unlike all rows although each of its features is within its range.
"""

Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(allow_inf_nan=False, gt=0)]
Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
FeatureName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
RatioText = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}/[A-Za-z_][A-Za-z0-9_]{0,63}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FeatureFile(_Strict):
    """``[features.NAME]``."""

    low: Finite
    high: Finite
    unit: Line = ""
    source: Annotated[str, Field(pattern=r"^(length|cpus|\d{1,12}(\.\d{1,6})?)?$")] = ""

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low > self.high:
            raise ValueError(f"low {self.low:g} is above high {self.high:g}")
        return self


class CalibrationFile(_Strict):
    """``[calibration]`` and ``[calibration.factors]``."""

    rows: int = Field(ge=1)
    knots_mb: list[Positive] = Field(min_length=1, max_length=50)
    too_few_rows_from: Annotated[float, Field(gt=0, le=1)] | None = None
    factors: dict[str, list[Positive]] = Field(min_length=1, max_length=50)

    @field_validator("factors")
    @classmethod
    def _levels(cls, factors: dict[str, list[float]]) -> dict[str, list[float]]:
        for level in factors:
            if not re.fullmatch(r"0?\.\d{1,6}|1(\.0*)?", level) or float(level) == 0.0:
                raise ValueError(f"{level!r} is not a level: write 0.95 for 95 %")
        return factors

    @model_validator(mode="after")
    def _monotone(self) -> Self:
        if not all(a < b for a, b in pairwise(self.knots_mb)):
            raise ValueError("knots_mb must increase")
        rows = [(level, self.factors[level]) for level in sorted(self.factors, key=float)]
        for level, factors in rows:
            if len(factors) != len(self.knots_mb):
                raise ValueError(f"factors {level}: {len(factors)} factors for {len(self.knots_mb)} knots")
            bounds = [knot * factor for knot, factor in zip(self.knots_mb, factors, strict=True)]
            if not all(a <= b * (1 + 1e-4) for a, b in pairwise(bounds)):
                raise ValueError(f"factors {level}: the bound decreases while the prediction grows")
        for (low, lower), (high, higher) in pairwise(rows):
            if not all(a <= b for a, b in zip(lower, higher, strict=True)):
                raise ValueError(f"factors {high} are below those of {low}")
        return self

    def table(self) -> Calibration:
        """Return the calibration itself."""
        levels = sorted(self.factors, key=float)
        first = self.too_few_rows_from
        return Calibration(
            rows=self.rows,
            knots_mb=tuple(self.knots_mb),
            levels=tuple(float(level) for level in levels),
            factors=tuple(tuple(self.factors[level]) for level in levels),
            too_few_rows=tuple(float(v) for v in levels if first is not None and float(v) >= first),
        )


class FormulaFile(_Strict):
    """The whole file."""

    version: int
    tool: Line = ""
    target: Line = "peak_mb"
    unit: str = "MiB"
    formula: str
    engine: Line = "by hand"
    date: Line = ""
    rows: int = Field(default=0, ge=0)
    seed: int | None = None
    floor_mb: Positive = 1.0
    largest_mb: Positive | None = None
    widening: Annotated[float, Field(ge=0, le=4)] = 0.5
    ratio_widening: Annotated[float, Field(ge=0, le=4)] = 0.35
    features: dict[FeatureName, FeatureFile] = Field(min_length=1, max_length=100)
    ratios: dict[RatioText, Positive] = Field(default_factory=dict, max_length=100)
    errors: dict[FeatureName, Finite] = Field(default_factory=dict)
    calibration: CalibrationFile | None = None

    @field_validator("version")
    @classmethod
    def _known(cls, version: int) -> int:
        if version != VERSION:
            raise ValueError(f"this chromplan reads version {VERSION}")
        return version

    @field_validator("unit")
    @classmethod
    def _mebibytes(cls, unit: str) -> str:
        if unit != "MiB":
            raise ValueError("formulas give MiB (Slurm's M)")
        return unit

    @model_validator(mode="after")
    def _ratios_of_features(self) -> Self:
        for over, under, _ in self.ratio_limits():
            for name in (over, under):
                if name not in self.features:
                    raise ValueError(f"ratios: {over}/{under}: [features.{name}] is missing")
                if self.features[name].low <= 0.0:
                    raise ValueError(f"ratios: {over}/{under}: {name} may be 0 or less")
        return self

    def ratio_limits(self) -> list[tuple[str, str, float]]:
        """Return numerator, denominator and the highest seen, per ratio."""
        parts = ((text.partition("/"), high) for text, high in self.ratios.items())
        return [(over, under, high) for (over, _, under), high in parts]


def read(text: str, *, name: str) -> FormulaFile:
    """Return the checked content of a formula file (errors: :func:`planner.formula.file.loads`)."""
    if len(text) > _LONGEST_FILE:
        raise InputError(
            f"{name}: {len(text)} characters, more than {_LONGEST_FILE}",
            "a formula file is about a page long; is this one?",
        )
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        message = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise InputError(f"{name} is not TOML: {message}", "compare it with 'chromplan formula show --raw'") from None
    try:
        return FormulaFile.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(part) for part in first["loc"] if part != "[key]") or "the file"
        message = "missing" if first["type"] == "missing" else first["msg"].removeprefix("Value error, ")
        raise InputError(f"{name}: {path[:100]}: {message}", "docs/formula.md describes every field") from None


def tabulate(calibration: Calibration | None) -> dict[str, Any] | None:
    """Return a calibration as the file's table."""
    if calibration is None:
        return None
    return {
        "rows": calibration.rows,
        "knots_mb": calibration.knots_mb,
        "too_few_rows_from": min(calibration.too_few_rows, default=None),
        "factors": {
            f"{level:.6f}".rstrip("0").ljust(4, "0"): factors
            for level, factors in zip(calibration.levels, calibration.factors, strict=True)
        },
    }


def write(document: Mapping[str, Any]) -> str:
    """Return the file's TOML; fields that are None are left out."""
    plain = {key: value for key, value in document.items() if not isinstance(value, Mapping) and value is not None}
    parts = [_HEADER + _fields(plain)]
    parts += [f"[features.{name}]\n{_fields(known)}" for name, known in document["features"].items()]
    if document["ratios"]:
        quoted = {f'"{text}"': limits for text, limits in document["ratios"].items()}
        parts.append(f"{_RATIOS}[ratios]\n{_fields(quoted)}")
    if document["errors"]:
        parts.append("# On rows held out; mape in percent.\n[errors]\n" + _fields(document["errors"]))
    if document["calibration"] is not None:
        table = dict(document["calibration"])
        factors = {f'"{level}"': row for level, row in table.pop("factors").items()}
        parts.append(f"[calibration]\n{_fields(table)}")
        parts.append(f"{_CALIBRATION}[calibration.factors]\n{_fields(factors)}")
    return "\n".join(parts)


def _fields(fields: Mapping[str, Any]) -> str:
    return "".join(f"{key} = {toml_value(value)}\n" for key, value in fields.items() if value is not None)
