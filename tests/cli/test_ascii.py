"""Where the locale is C, what is printed is ASCII: our own signs have a spelling in it, all of them."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from planner.cli.ui import terminal

ROOT = Path(__file__).parent.parent.parent
PRINTED = [*(ROOT / "planner").rglob("*.py"), *(ROOT / "templates").rglob("*.j2")]
# of a name in a docstring
NEVER_PRINTED = {"ü"}
C_LOCALES: tuple[Mapping[str, str], ...] = ({"LC_ALL": "C"}, {"LC_ALL": "POSIX", "LANG": "C.UTF-8"}, {"LANG": "C"})


def chromplan(*arguments: str, cwd: Path, locale: Mapping[str, str]) -> bytes:
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), **locale}
    command = [sys.executable, "-m", "planner", *arguments]
    done = subprocess.run(command, cwd=cwd, env=environment, stdin=subprocess.DEVNULL, capture_output=True)
    return done.stdout + done.stderr


def test_every_sign_of_ours_has_a_spelling() -> None:
    signs = {sign for path in PRINTED for sign in path.read_text(encoding="utf-8") if not sign.isascii()}
    assert [sign for sign in sorted(signs - NEVER_PRINTED) if not terminal.plain(sign).isascii()] == []


@pytest.mark.slow
@pytest.mark.parametrize("locale", C_LOCALES, ids=str)
def test_a_locale_of_c_gets_ascii(locale: Mapping[str, str], tmp_path: Path) -> None:
    assert b"1 sample x 22 chromosomes" in chromplan("init", "--sample", "S1", cwd=tmp_path, locale=locale)


@pytest.mark.slow
def test_all_that_commands_print_is_ascii_then(tmp_path: Path) -> None:
    lines = [
        *(("init", "--sample", "S1", "--site", "cannon"), ("plan",), ("plan", "--compare"), ("status",), ("render",)),
        *(("order", "-k", "3"), ("formula", "show", "beagle"), ("submit", "--dry-run"), ("logs", "S1.chr99")),
    ]
    for line in lines:
        assert chromplan(*line, cwd=tmp_path, locale={"LC_ALL": "C"}).isascii(), line


@pytest.mark.slow
def test_what_others_named_is_printed_as_it_is(tmp_path: Path) -> None:
    said = chromplan("status", "-C", "Zoë…", cwd=tmp_path, locale={"LC_ALL": "C"})
    assert said.startswith("error: Zoë...: no such folder".encode())


@pytest.mark.slow
def test_elsewhere_signs_are_signs(tmp_path: Path) -> None:
    said = chromplan("init", "--sample", "S1", cwd=tmp_path, locale={"LC_ALL": "C.UTF-8"})
    assert "1 sample × 22 chromosomes" in said.decode()
