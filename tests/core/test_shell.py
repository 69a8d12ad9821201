"""Values reach bash unchanged; names are safe."""

import re
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from planner.core import shell

HOSTILE = [
    "a b",
    "x;rm -rf y",
    "$(id)",
    "it's",
    "Ünï",
    '"',
    "`id`",
    "a\nb",
    "-n",
    "*",
    "\\",
    "a\tb",
    "!",
    "~",
    "{a,b}",
    "#",
]
text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)


def run(script: str, value: str) -> str:
    environment = {"V": value, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(["bash", "-c", script], env=environment, capture_output=True, check=True)
    return done.stdout.decode()  # not text=True, which would turn \r into \n


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("printf %s {v}", "{}"),
        ('printf %s "{v}"', "{}"),
        ("printf %s '{v}'", "{}"),
        ("printf %s a{v}.vcf", "a{}.vcf"),
        ("printf %s 'a b'{v}\"c\"", "a b{}c"),
        ('printf %s "$(printf %s {v}x)"', "{}x"),
        ('printf %s "$(printf %s "{v}")x"', "{}x"),
        ("# it's a comment\nprintf %s {v}", "{}"),
        ("printf %s \\'{v}", "'{}"),
        ("(printf %s {v})", "{}"),
        ("true && { printf %s {v}; }", "{}"),
    ],
)
def test_a_placeholder_is_one_unchanged_word_wherever_it_stands(template: str, expected: str, value: str) -> None:
    script = shell.bash_command(template, {"v": "V"})
    # $(...) strips trailing newlines, whatever is in it; none of the values ends with one
    assert run(script, value) == expected.replace("{}", value)


@given(text)
@settings(deadline=None, max_examples=40)
def test_a_quoted_value_is_read_back_unchanged(value: str) -> None:
    assert run(f"printf %s {shell.quote(value)}; printf .", "") == value + "."


def test_bash_braces_and_escaped_placeholders_are_left_alone() -> None:
    template = "echo ${x} ${#x} {a,b} {{chromosome}} | awk '{print $1}' {1..3}"
    assert shell.bash_command(template, {"chromosome": "C"}) == template.replace("{{chromosome}}", "{chromosome}")


def test_an_unknown_placeholder_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"unknown placeholder \{sampel\}; known: sample"):
        shell.bash_command("echo {sampel}", {"sample": "S"})


def test_a_placeholder_in_a_here_document_is_refused() -> None:
    with pytest.raises(ValueError, match="here-document"):
        shell.bash_command("cat <<END\n{v}\nEND", {"v": "V"})


def test_a_here_string_is_no_here_document() -> None:
    assert run(shell.bash_command("cat <<<{v}", {"v": "V"}), "a b") == "a b\n"


@given(text)
def test_a_safe_name_has_only_safe_characters(value: str) -> None:
    name = shell.safe_name(value)
    assert re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name)
    assert not name.startswith((".", "-"))


@given(text, text)
def test_different_texts_have_different_safe_names(first: str, second: str) -> None:
    assert (shell.safe_name(first) == shell.safe_name(second)) == (first == second)


def test_a_safe_text_names_itself() -> None:
    assert shell.safe_name("NA12878.v2") == "NA12878.v2"
