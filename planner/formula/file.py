"""Formula files: TOML text to a formula and back."""

from __future__ import annotations

from planner.core.errors import InputError
from planner.formula import grammar, schema
from planner.formula.formula import Formula
from planner.formula.parser import parse
from planner.formula.ranges import Feature, Ratio


def loads(text: str, *, name: str = "formula") -> Formula:
    """Read a formula file.

    Parameters
    ----------
    text : str
        TOML as :func:`dumps` writes it, by hand or from another group: nothing in it is trusted.
    name : str
        The file's name in errors.

    Returns
    -------
    Formula

    Raises
    ------
    InputError
        Naming the field: unreadable TOML, unknown or missing fields, numbers that are not finite, arithmetic that is
        not in the grammar or uses a feature that the file does not describe, a calibration table that is not monotone.
    """
    file = schema.read(text, name=name)
    try:
        root = parse(file.formula)
    except InputError as error:
        raise InputError(f"{name}: formula: {error.message}", error.hint) from None
    unknown = [feature for feature in grammar.names(root) if feature not in file.features]
    if unknown:
        raise InputError(
            f"{name}: formula: {unknown[0]} is used but [features.{unknown[0]}] is missing",
            "every feature needs its range: low, high, unit",
        )
    return Formula(
        root=root,
        tool=file.tool,
        target=file.target,
        engine=file.engine,
        date=file.date,
        rows=file.rows,
        seed=file.seed,
        floor_mb=file.floor_mb,
        largest_mb=file.largest_mb,
        features={
            key: Feature(low=f.low, high=f.high, unit=f.unit, source=f.source) for key, f in file.features.items()
        },
        calibration=file.calibration.table() if file.calibration else None,
        widening=file.widening,
        ratio_widening=file.ratio_widening,
        ratios=tuple(Ratio(over=over, under=under, high=high) for over, under, high in file.ratio_limits()),
        errors=dict(file.errors),
    )


def dumps(formula: Formula) -> str:
    """Write a formula file: TOML, one fact per line, the same text for the same formula."""
    return schema.write(
        {
            "version": schema.VERSION,
            "tool": formula.tool,
            "target": formula.target,
            "unit": "MiB",
            "formula": formula.text,
            "engine": formula.engine,
            "date": formula.date,
            "rows": formula.rows,
            "seed": formula.seed,
            "floor_mb": formula.floor_mb,
            "largest_mb": formula.largest_mb,
            "widening": formula.widening,
            "ratio_widening": formula.ratio_widening if formula.ratios else None,
            "features": {
                name: {
                    "low": float(known.low),
                    "high": float(known.high),
                    "unit": known.unit,
                    "source": known.source or None,
                }
                for name, known in formula.features.items()
            },
            "ratios": {ratio.text: float(ratio.high) for ratio in formula.ratios},
            "errors": dict(formula.errors),
            "calibration": schema.tabulate(formula.calibration),
        }
    )
