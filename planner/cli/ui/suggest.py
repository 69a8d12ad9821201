"""Suggestions for mistyped commands, options and values."""

from __future__ import annotations

import errno
import re

import click

from planner.core import failures
from planner.core.errors import near

# what click says of a path, and what the system says where it is used
_OF_PATHS = {
    "is a directory": errno.EISDIR,
    "is a file": errno.ENOTDIR,
    "is not readable": errno.EACCES,
    "is not writable": errno.EACCES,
}
_PATH = re.compile(rf"'([^']*)' ({'|'.join(_OF_PATHS)})\.?$")


def usage(error: click.ClickException, path: str) -> tuple[str, str]:
    """Return message and hint for what click refused.

    Parameters
    ----------
    error : click.ClickException
    path : str
        The command as typed, ``chromplan plan``.
    """
    see = f"see '{path} --help'"
    context = getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoSuchOption):
        options = [name for one in context.command.params for name in one.opts] if context else []
        meant = near(error.option_name, options)
        return f"no option {error.option_name!r} in {path!r}", f"{meant} {see}".strip()
    message = error.format_message()
    if isinstance(error, click.BadParameter) and error.param and isinstance(error.param.type, click.Path):
        refused = _PATH.search(message)
        known = failures.explained(OSError(_OF_PATHS[refused[2]], "", refused[1])) if refused else None
        if known:
            option = "" if isinstance(error.param, click.Argument) else f"{error.param.opts[-1]}: "
            return f"{option}{known.message}", known.hint
    if isinstance(error, click.BadParameter) and error.param and isinstance(error.param.type, click.Choice):
        value = re.search(r"'([^']*)' is not one of", message)
        meant = near(value[1] if value else "", list(error.param.type.choices))
        see = f"{meant} {see}".strip()
    if isinstance(error, click.UsageError) and context and isinstance(context.command, click.Group):
        word = message.partition("'")[2].partition("'")[0]
        meant = near(word, context.command.list_commands(context)) if message.startswith("No such command") else ""
        if meant:
            return f"no command {word!r} in {path!r}", f"{meant} {see}"
    return message[:1].lower() + message[1:].rstrip("."), see
