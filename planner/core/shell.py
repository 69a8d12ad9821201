r"""Bash: quoting, safe names, and commands with placeholders.

A command is bash text in which ``{name}`` stands for a value. It is replaced by a variable, quoted for its position, so
that a value reaches the tool unchanged whatever characters it holds:

>>> bash_command("cat {sample}.vcf | grep 'id={sample}'", {"sample": "CHROMPLAN_SAMPLE"})
'cat "${CHROMPLAN_SAMPLE}".vcf | grep \'id=\'"${CHROMPLAN_SAMPLE}"\'\''
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping

NAME_LENGTH = 64

_PLACEHOLDER = re.compile(r"(?<!\$)\{([A-Za-z_][A-Za-z0-9_]*)\}")
_ESCAPED = re.compile(r"\{\{([A-Za-z_][A-Za-z0-9_]*)\}\}")
_HEREDOC = re.compile(r"<<-?(?!<)\s*(['\"]?)\w+\1")


def quote(text: str) -> str:
    """Return ``text`` as one bash word."""
    return shlex.quote(text)


def safe_name(text: str) -> str:
    """Return a name of ``[A-Za-z0-9._-]`` for a file or a job, different for different texts.

    A text that already is such a name stays as it is; any other gets a short hash of the original appended.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", text).strip("_.-")[: NAME_LENGTH - 9]
    if safe == text != "":
        return text
    import hashlib

    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe}-{digest}" if safe else digest


def bash_command(template: str, variables: Mapping[str, str]) -> str:
    """Replace each ``{name}`` by its variable, quoted for its position.

    Parameters
    ----------
    template : str
        Bash text. ``{{name}}`` is a literal ``{name}``; ``${name}`` is left to bash.
    variables : mapping of str to str
        Placeholder -> name of the environment variable that holds its value.

    Raises
    ------
    ValueError
        For an unknown placeholder, or one inside a here-document (in which bash has no quoting).
    """
    pieces: list[str] = []
    scanner = _Scanner()
    position = 0
    while position < len(template):
        escaped = _ESCAPED.match(template, position)
        if escaped:
            pieces.append(escaped[0][1:-1])
            position = escaped.end()
            continue
        match = _PLACEHOLDER.match(template, position)
        if match:
            pieces.append(_variable(match[1], variables, scanner.quoting))
            position = match.end()
            continue
        heredoc = _HEREDOC.match(template, position) if scanner.quoting == "" else None
        if heredoc and _PLACEHOLDER.search(template, heredoc.end()):
            raise ValueError("a placeholder cannot stand in or after a here-document; use $CHROMPLAN_… there")
        step = scanner.feed(template, position)
        pieces.append(template[position : position + step])
        position += step
    return "".join(pieces)


def _variable(name: str, variables: Mapping[str, str], quoting: str) -> str:
    if name not in variables:
        known = ", ".join(sorted(variables))
        raise ValueError(
            f"unknown placeholder {{{name}}}; known: {known}; a literal {{{name}}} is written {{{{{name}}}}}"
        )
    variable = f"${{{variables[name]}}}"
    if quoting == '"':
        return variable
    return f"'\"{variable}\"'" if quoting == "'" else f'"{variable}"'


class _Scanner:
    """Follows bash's quoting, far enough to know which quotes a position is in."""

    def __init__(self) -> None:
        self._stack: list[str] = []  # of ' " ( and #
        self._fresh = True  # at the start of a word, where # begins a comment

    @property
    def quoting(self) -> str:
        """The quote in force: ``'``, ``"`` or nothing."""
        return self._stack[-1] if self._stack and self._stack[-1] in "'\"" else ""

    def feed(self, text: str, position: int) -> int:
        """Read one character or pair at ``position``; return how many were read."""
        character = text[position]
        top = self._stack[-1] if self._stack else ""
        fresh, self._fresh = self._fresh, character.isspace() or character in ";|&("
        if top in {"'", "#"}:
            if character == {"'": "'", "#": "\n"}[top]:
                self._stack.pop()
            return 1
        if character == "\\":
            return min(2, len(text) - position)
        if text.startswith("$(", position):
            self._stack.append("(")
            return 2
        self._quote(character, top, fresh)
        return 1

    def _quote(self, character: str, top: str, fresh: bool) -> None:
        if character == '"':
            if top == '"':
                self._stack.pop()
            else:
                self._stack.append('"')
        elif top == '"':
            return
        elif character == "'" or (character == "#" and fresh):
            self._stack.append(character)
        elif character == "(":
            self._stack.append("(")
        elif character == ")" and top == "(":
            self._stack.pop()
