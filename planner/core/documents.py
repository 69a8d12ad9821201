"""TOML and JSON files that people edit: read into pydantic models, with errors that name file and field."""

from __future__ import annotations

import itertools
import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, PlainSerializer, ValidationError

from planner.core import failures
from planner.core.errors import FieldError, InputError, near

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema, ErrorDetails


class Document(BaseModel):
    """A frozen model that refuses unknown fields; its JSON Schema describes each field."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return the schema, with the docstrings of the fields."""
        schema = handler(core_schema)
        properties = handler.resolve_ref_schema(schema)["properties"]
        for name, text in descriptions(cls).items():
            properties[name].setdefault("description", text)
        return schema


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings of a model's fields, by their names.

    Pydantic would read them at every import of the module (``use_attribute_docstrings``), which is a third of the run
    time of a trivial command. They are needed only in schemas and in some errors.
    """
    import ast
    import inspect
    import textwrap

    found: dict[str, str] = {}
    for one in reversed(model.__mro__):
        if issubclass(one, BaseModel) and one.__module__.startswith("planner."):
            body = ast.parse(textwrap.dedent(inspect.getsource(one))).body[0]
            statements = body.body if isinstance(body, ast.ClassDef) else []
            for field, below in itertools.pairwise(statements):
                match field, below:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                        found[name] = inspect.cleandoc(text)
    return {name: text for name, text in found.items() if name in model.model_fields}


_FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,199}")
# allowed in an #SBATCH line without quotes: names, comma lists, constraints such as [a|b*2]&c
_OPTION = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.,:|&()\[\]*+%@/=-]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def _file_name(text: str) -> str:
    if _FILE_NAME.fullmatch(text) is None:
        raise ValueError(
            "letters, digits and '.', '_', '-', '+' are expected, and no '.' at the start: it names jobs and files"
        )
    return text


def _variable(text: str) -> str:
    if _VARIABLE.fullmatch(text) is None:
        raise ValueError("the name of an environment variable is expected")
    return text


def _text(text: str) -> str:
    if "\0" in text:
        raise ValueError("text without NUL is expected")
    return text


# TOML and JSON are UTF-8: there U+EF80 to U+EFFF, which no script uses, stand for bytes of names that are not
_BYTES = re.compile("[\uef80-\uefff]+")
_NOT_UTF8 = re.compile("[\udc80-\udcff]")


def in_utf8(text: str) -> str:
    """Return text from the command line, where Python escapes bytes that are not UTF-8, as it is stored in a file."""
    return _NOT_UTF8.sub(lambda match: chr(ord(match[0]) - 0xDC00 + 0xEF00), text)


def _text_in_utf8(value: object) -> object:
    return in_utf8(value) if isinstance(value, str) else value


def _from_utf8(text: str) -> str:
    return _BYTES.sub(lambda match: os.fsdecode(bytes(ord(character) - 0xEF00 for character in match[0])), text)


def option(value: str) -> str:
    """Return a value that is allowed in an #SBATCH line; raise ValueError for any other."""
    if _OPTION.fullmatch(value) is None:
        raise ValueError("letters, digits and _.,:|&()[]*+%@/=- only: it becomes part of an #SBATCH line")
    return value


def _one_line(value: str) -> str:
    if not value.strip() or not value.isprintable():
        raise ValueError("one line of printable text is expected")
    return value


FileName = Annotated[str, AfterValidator(_file_name)]
Variable = Annotated[str, AfterValidator(_variable)]
Option = Annotated[str, AfterValidator(option)]
Line = Annotated[str, AfterValidator(_one_line)]
Text = Annotated[str, AfterValidator(_text)]
SystemText = Annotated[
    str,
    BeforeValidator(_text_in_utf8),
    AfterValidator(_text),
    AfterValidator(_from_utf8),
    PlainSerializer(in_utf8, return_type=str),
]
"""A name, an argument or a path as the system allows it: any bytes but NUL."""

FilePath = str | os.PathLike[str]
Model = TypeVar("Model", bound=BaseModel)


def read_text(path: Path, *, hint: str) -> str:
    """Return a file's text; raise `InputError` with ``hint`` when the file is missing."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file", hint) from None
    except (OSError, UnicodeDecodeError) as error:
        raise failures.explained(error, path) or error from None


def load_json(path: FilePath, model: type[Model], *, hint: str) -> Model:
    """Read a JSON file into ``model``; errors name the file and the field, and give ``hint``."""
    return parse_json(read_text(Path(path), hint=hint), model, path=Path(path), hint=hint)


def parse_toml(text: str, model: type[Model], *, path: Path | str) -> Model:
    """Read TOML into ``model``; errors name ``path``, the line or the field, and what was expected."""
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not valid TOML: {error}", "correct that line; strings need quotes in TOML") from None
    return validate(values, model, path=path)


def parse_json(text: str, model: type[Model], *, path: Path | str, hint: str) -> Model:
    """Read JSON into ``model``; errors name ``path`` and the field, and give ``hint``."""
    try:
        return model.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{path}: {_field(first['loc'])}{message}", hint) from None


def validate(values: Mapping[str, object], model: type[Model], *, path: Path | str) -> Model:
    """Check ``values`` against ``model``; the first error is reported, with the fields that are allowed there."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        # a missing field may be there, but misspelt
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        where = _field(first["loc"])
        if first["type"] == "extra_forbidden":
            raise InputError(f"{path}: {where}unknown field", _allowed(model, first["loc"])) from None
        if first["type"] == "missing":
            raise InputError(f"{path}: {where}missing", _to_add(model, first["loc"])) from None
        message, hint = _wrong(first)
        more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
        raise InputError(f"{path}: {where}{message}{more}", hint) from None


# pydantic's type of error -> what to write instead
_HINTS = {
    "string_type": "write it in quotes",
    "int_type": "write a whole number, without quotes",
    "int_parsing": "write a whole number, without quotes",
    "int_from_float": "write a whole number",
    "float_type": "write a number, without quotes",
    "float_parsing": "write a number, without quotes",
    "bool_type": "write true or false, without quotes",
    "bool_parsing": "write true or false, without quotes",
    "list_type": 'write a list: ["a", "b"]',
    "model_type": "write it as a section of its own: [name], and its fields below",
    "dict_type": "write it as a section of its own: [name], and its fields below",
}


def _wrong(found: ErrorDetails) -> tuple[str, str]:
    """Return what is wrong with a value, and what to write instead."""
    raised = found.get("ctx", {}).get("error")
    if isinstance(raised, FieldError):
        return raised.message, raised.hint
    value = found["input"]
    message = found["msg"].removeprefix("Value error, ").replace("Input should", "should", 1)
    if isinstance(value, str | int | float) and repr(value) not in message:
        message += f", not {value!r}"
    if found["type"] == "literal_error":
        options = re.findall(r"'([^']+)'", found["msg"])
        return message, near(str(value), options) or "write one of these words, in quotes"
    return message, _HINTS.get(found["type"], "write a value as docs/configuration.md or docs/sites.md has it")


def _field(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return f"{path}: " if path else ""


def _to_add(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    """Return how to write a missing field, and its purpose."""
    holder = _holder(model, location)
    name = str(location[-1])
    field = holder.model_fields.get(name) if holder else None
    about = descriptions(holder).get(name, "").partition("\n")[0] if holder else ""
    section = field is not None and isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
    return f"add {f'[{name}]' if section else f'{name} = …'}{': ' * bool(about)}{about}"


def _allowed(model: type[BaseModel], location: tuple[int | str, ...]) -> str:
    holder = _holder(model, location)
    if holder is None:
        return "remove it"
    meant = near(str(location[-1]), holder.model_fields)
    return f"{meant} fields allowed here: {', '.join(holder.model_fields)}".strip()


def _holder(model: type[BaseModel], location: tuple[int | str, ...]) -> type[BaseModel] | None:
    """Return the section that a field belongs to; None when that is not a model."""
    current = model
    for part in location[:-1]:
        if isinstance(part, int):
            continue
        field = current.model_fields.get(part)
        candidates = [] if field is None else [field.annotation, *getattr(field.annotation, "__args__", ())]
        nested = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not nested:
            return None
        current = nested[0]
    return current
