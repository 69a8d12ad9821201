"""Saved models: JSON files that people can read."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from planner.core.errors import InputError
from planner.memory.levels import NO_LEVELS, Levels
from planner.memory.model import Curve, MemoryModel
from planner.memory.point import PointModel
from planner.memory.sizing import SizerState

SCHEMA = "chromplan-memory-model"
MODEL_VERSION = 3


def dumps(model: MemoryModel) -> str:
    """Return the model as readable JSON."""
    return _short_lists(json.dumps({"schema": SCHEMA, "version": MODEL_VERSION, **asdict(model)}, indent=2)) + "\n"


def _short_lists(text: str) -> str:
    """Put lists of numbers on one line, as one number per line is not readable."""
    return re.sub(r"\[[^][{}\"]*\]", lambda match: " ".join(match.group().split()), text)


def loads(text: str) -> MemoryModel:
    """Return the model that was saved as this JSON.

    Raises
    ------
    InputError
        When the text is not a model, or one of another version.
    """
    hint = "make it anew with 'chromplan fit'"
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InputError(f"the saved model is not JSON ({error})", hint) from error
    if not isinstance(document, dict) or document.get("schema") != SCHEMA:
        raise InputError("this is not a saved model", hint)
    if document.get("version") != MODEL_VERSION:
        raise InputError(
            f"the saved model is of another chromplan (version {document.get('version')}, not {MODEL_VERSION})", hint
        )
    try:
        return _from_document(document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"the saved model is damaged ({type(error).__name__}: {error})", hint) from error


def _from_document(document: Mapping[str, Any]) -> MemoryModel:
    return MemoryModel(
        tool=document["tool"],
        feature_names=tuple(document["feature_names"]),
        rows=document["rows"],
        skipped=document["skipped"],
        ranges={name: (low, high) for name, (low, high) in document["ranges"].items()},
        largest_mb=document["largest_mb"],
        memory=_curve_from(document["memory"]),
        time=_curve_from(document["time"]),
        let_go=document.get("let_go", ""),
        levels=_levels_from(document.get("levels")),
        time_levels=_levels_from(document.get("time_levels")),
        shared=document.get("shared", 0),
    )


def _levels_from(document: Mapping[str, Any] | None) -> Levels:
    return Levels(names=tuple(document["names"]), factors=document["factors"]) if document else NO_LEVELS


def _curve_from(document: Mapping[str, Any] | None) -> Curve | None:
    if document is None:
        return None
    point: dict[str, Any] = {key: _frozen(value) for key, value in document["point"].items()}
    memory: dict[str, Any] = {key: _frozen(value) for key, value in document["memory"].items()}
    return Curve(point=PointModel(**point), memory=SizerState(**memory))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
