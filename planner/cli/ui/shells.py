"""Completion in the shells, where click's own leaves something out: ``--mode=ti``, and commas in descriptions."""

from __future__ import annotations

from typing import Any

from click.shell_completion import (
    BashComplete,
    CompletionItem,
    FishComplete,
    ShellComplete,
    ZshComplete,
    add_completion_class,
)


class BashSplitsValues(BashComplete):
    """Bash hands ``--mode=ti`` over as three words."""

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the last one, and what of that is there."""
        words, begun = super().get_completion_args()
        return [word for word in words if word != "="], begun


class ZshJoinsValues(ZshComplete):
    """Zsh replaces the whole word ``--mode=ti``, and has no ``compdef`` before its completion system is loaded."""

    source_template = ZshComplete.source_template.replace(
        "    compdef ", "    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit -i }\n    compdef "
    )

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Any]]:
        """Return what is offered for the last word."""
        return _with_option(super().get_completions(args, incomplete), incomplete)


class FishJoinsValues(FishComplete):
    """Fish compares what is offered with the whole word ``--mode=ti``; its script cuts descriptions at a comma."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split --max 1 ","')

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem[Any]]:
        """Return what is offered for the last word."""
        return _with_option(super().get_completions(args, incomplete), incomplete)


def _with_option(found: list[CompletionItem[Any]], begun: str) -> list[CompletionItem[Any]]:
    option, sign, _ = begun.partition("=")
    if sign and option.startswith("--"):
        for item in found:
            if item.type == "plain":
                item.value = f"{option}={item.value}"
    return found


def register() -> None:
    """Let these answer the shells."""
    found: tuple[type[ShellComplete], ...] = (BashSplitsValues, ZshJoinsValues, FishJoinsValues)
    for one in found:
        add_completion_class(one)
