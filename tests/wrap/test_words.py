"""``#SBATCH`` lines are read as sbatch reads them: every expectation here is what ``sbatch -vvv`` printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core.errors import InputError
from planner.wrap import words

SCRIPT = Path("impute.sh")


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("--job-name=a -c 2 # trailing comment", ["--job-name=a", "-c", "2"]),
        ("--comment=\"two words\" -J 'b c'", ["--comment=two words", "-J", "b c"]),
        ("--mem 4G#comment", ["--mem", "4G"]),
        ('--comment=a\\ b --comment "x\'y"', ["--comment=a b", "--comment", "x'y"]),
        ('--comment=pre"mid dle"post', ["--comment=premid dlepost"]),
        ("--comment=back\\\\slash", ["--comment=back\\slash"]),
        ('--comment="a#b" --comment=a"#"b', ["--comment=a#b", "--comment=a#b"]),
        ("'#\\#'=", ["##="]),
        ("a= \\ b", ["a=", " b"]),
        ("'' after an empty word", []),
        ("\\##'", ["#"]),
        ("\t-t1:00\t", ["-t1:00"]),
    ],
)
def test_a_line_splits_as_sbatch_splits_it(line: str, found: list[str]) -> None:
    assert words.split(line) == found


@pytest.mark.parametrize("line", ['"a', "'a", "a\"b'c", '\\\\"=b=a\\#'])
def test_an_open_quote_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(InputError, match=r"impute\.sh:3: a ['\"] that is not closed"):
        words.directives(f"#!/bin/bash\n\n#SBATCH {line}\n".encode(), SCRIPT)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1))
def test_any_text_can_be_written_as_one_word(text: str) -> None:
    escaped = re.sub(r'([\\"])', r"\\\1", text)
    assert words.split(f'"{escaped}"') == [text]


@settings(deadline=None)
@given(st.text(alphabet="ab-=# \t'\"\\"))
def test_any_line_is_split_or_refused(line: str) -> None:
    try:
        found = words.split(line)
    except ValueError as error:
        assert "not closed" in str(error)
    else:
        assert all(found)


def test_directives_end_at_the_first_command() -> None:
    text = b"""#!/bin/bash

# a comment
#SBATCH --array=1-22

   # another
#SBATCH --mem=1G
##SBATCH --qos=no
# SBATCH --qos=no
 #SBATCH --qos=no
set -e
#SBATCH --qos=no
"""
    found = words.directives(text, SCRIPT)
    assert [(one.line, one.words) for one in found] == [(4, ("--array=1-22",)), (7, ("--mem=1G",))]


def test_windows_line_ends_are_refused_with_the_way_out() -> None:
    with pytest.raises(InputError, match=r"impute\.sh:2: Windows line ends") as error:
        words.check(b"#!/bin/bash\n#SBATCH --mem=1G\r\ntrue\n", SCRIPT)
    assert error.value.hint == "convert it: dos2unix impute.sh"


@pytest.mark.parametrize("text", [b"", b"\n#!/bin/bash\n", b"echo\n", b"\xef\xbb\xbf#!/bin/bash\n", b"#!/bin/bash\n\0"])
def test_what_is_no_batch_script_is_refused(text: bytes) -> None:
    with pytest.raises(InputError, match=r"impute\.sh"):
        words.check(text, SCRIPT)


@pytest.mark.parametrize("line", [b"#PBS -N old", b"#BSUB -J old"])
def test_directives_of_another_scheduler_are_seen(line: bytes) -> None:
    found = words.directives(b"#!/bin/bash\n" + line + b"\n#SBATCH -c 2\n", SCRIPT)
    assert [(one.line, one.words, one.is_foreign) for one in found] == [(2, (), True), (3, ("-c", "2"), False)]
