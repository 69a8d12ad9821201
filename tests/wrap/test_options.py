"""Options are found as sbatch's getopt finds them."""

from __future__ import annotations

from pathlib import Path

import pytest

from planner import slurm
from planner.core.errors import InputError
from planner.wrap import options


def read(*words: str) -> dict[str, str | None]:
    found, left = options.read(words, where="impute.sh:2")
    assert left == []
    return {option.name: option.value for option in found}


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["--mem=4G"], {"mem": "4G"}),
        (["--mem", "4G"], {"mem": "4G"}),
        (["--job", "x"], {"job-name": "x"}),
        (["-c4", "-n", "2"], {"cpus-per-task": "4", "ntasks": "2"}),
        (["-Hc2"], {"hold": None, "cpus-per-task": "2"}),
        (["--nice"], {"nice": None}),
        (["--nice=5"], {"nice": "5"}),
        (["--exclusive"], {"exclusive": None}),
        (["-k"], {"no-kill": None}),
        (["--dependency=afterok:1,aftercorr:2"], {"dependency": "afterok:1,aftercorr:2"}),
        (["--tasks=2"], {"ntasks": "2"}),
        (["--comment="], {"comment": ""}),
    ],
)
def test_an_option_is_read_in_every_form(words: list[str], found: dict[str, str | None]) -> None:
    assert read(*words) == found


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--cpus=2"], "--cpus is ambiguous"),
        (["--tab=1"], "sbatch has no option --tab"),
        (["-Z"], "sbatch has no option -Z"),
        (["--mem"], "--mem needs a value"),
        (["-c"], "-c needs a value"),
        (["--hold=yes"], "--hold takes no value"),
        (["--nice", "5"], "'5' is not an option"),
        (["--", "-J", "x"], "'--' is not an option"),
    ],
)
def test_what_sbatch_refuses_is_refused_with_its_line(
    words: list[str], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(InputError, match=why) as error:
        read(*words)
    assert error.value.message.startswith("impute.sh:2: ")


def test_the_script_ends_the_options_of_a_command_line() -> None:
    found, left = options.read(["--mem", "4G", "-J", "x", "run.sh", "--mem", "a b"], where="", script_follows=True)
    assert [str(option) for option in found] == ["--mem=4G", "--job-name=x"]
    assert left == ["run.sh", "--mem", "a b"]
    assert options.read(["--", "--odd.sh"], where="", script_follows=True)[1] == ["--odd.sh"]


def test_of_an_option_given_twice_the_last_counts() -> None:
    found, _ = options.read(["--mem=1G", "--mem=2G"], where="")
    assert str(options.last(found)["mem"]) == "--mem=2G"


def test_an_option_that_no_manual_knew_is_read_as_this_sbatch_reads_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = tmp_path / "sbatch"
    newer.write_text(
        """#!/bin/sh
case $1 in
--frob-level) echo "sbatch: option '--frob-level' requires an argument" >&2 ;;
--frob=*) echo "sbatch: option '--frob' doesn't allow an argument" >&2 ;;
--frob|--frob-more*) echo "sbatch: error: Batch script is empty!" >&2 ;;
*) echo "sbatch: unrecognized option '$1'" >&2 ;;
esac
exit 1
"""
    )
    newer.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    assert read("--frob-level", "3", "--frob", "--frob-more=x", "--frob-more", "-c2") == {
        "frob-level": "3",
        "frob": None,
        "frob-more": None,
        "cpus-per-task": "2",
    }
    with pytest.raises(InputError, match="sbatch has no option --frobs"):
        read("--frobs=1")


def test_of_an_option_that_this_sbatch_cannot_be_asked_for_nothing_is_guessed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert slurm.option_form("frob") is None
