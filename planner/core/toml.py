"""Writing values as TOML, each on one line; files that people edit keep their own layout and comments."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Mapping


def toml_value(value: object) -> str:
    """Return text, a number, a date, or a list or table of them as TOML that reads back identically.

    Raises
    ------
    ValueError
        For a number that is not finite.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} cannot be written to a file")
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{toml_value(key)} = {toml_value(item)}' for key, item in value.items())} }}"
    # a JSON string is a TOML basic string, except that TOML requires DEL to be escaped
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
