"""``chromplan history``, as a person types it."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from planner.cli import main
from planner.history.store import Store

FIXTURES = Path(__file__).parents[1] / "history" / "fixtures"
OWN = FIXTURES / "own_22.05.txt"
EXAMPLES = Path(__file__).parents[2] / "examples" / "data"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def history(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run ``chromplan history …`` in an empty project; returns exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["history", *map(str, arguments), "-C", str(tmp_path)])
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return ended.value.code, captured.out, captured.err

    return run


def test_import_says_what_was_read_and_what_was_new(history: Run) -> None:
    code, out, _ = history("import", OWN, "--tool", "ramp", "--poll", 1)
    assert code == 0
    assert f"{OWN}: sacct, 9 attempts, 15 skipped" in out
    assert "skipped 15: jobs without a chromosome in their name" in out
    assert "history: 9 new, 0 updated, 0 unchanged" in out


def test_importing_again_changes_nothing(history: Run, tmp_path: Path) -> None:
    history("import", OWN, "--tool", "ramp", "--poll", 1)
    before = json.loads(history("show", "--json")[1])
    code, out, _ = history("import", OWN, FIXTURES / "sacct_22.05.json", "--tool", "ramp", "--poll", 1)
    assert code == 0
    assert "history: 0 new, 0 updated, 18 unchanged" in out
    assert json.loads(history("show", "--json")[1]) == before


def test_peaks_sampled_too_rarely_are_counted_aloud(history: Run) -> None:
    out = history("import", OWN, "--tool", "ramp")[1]
    assert "6 peaks count as missing" in out
    assert "--poll" in out


def test_show_lists_attempts(history: Run) -> None:
    history("import", OWN, "--tool", "ramp", "--poll", 1)
    _, out, _ = history("show", "--task", "chr4")
    row = next(line for line in out.splitlines() if "chr4" in line)
    assert row.split() == ["ramp", "chr4", "oom", "censored", "≥", "169", "150", "1", "3_4"]
    assert "chr1" not in out


def test_show_json_holds_every_number(history: Run) -> None:
    history("import", OWN, "--tool", "ramp", "--poll", 1, "--genome", "GRCh37")
    (seen,) = json.loads(history("show", "--task", "chr4", "--tool", "ramp", "--json")[1])
    assert seen["features"] == {"length_mb": 191.154276}
    assert (seen["outcome"], seen["job_id"], seen["submit_s"]) == ("oom", "3_4", 1795372372)


def test_show_sums_up_per_tool(history: Run) -> None:
    history("import", OWN, "--tool", "ramp", "--poll", 1)
    history("import", EXAMPLES / "beagle_chr22.csv", "--tool", "beagle")
    _, out, _ = history("show", "--summary")
    assert [line.split()[:5] for line in out.splitlines() if line.split()[:1] in (["beagle"], ["ramp"])] == [
        ["beagle", "66", "66", "0", "0"],
        ["ramp", "9", "6", "3", "0"],
    ]
    beagle, ramp = json.loads(history("show", "--summary", "--json")[1])
    assert (beagle["peaks"], beagle["asked_per_used"]) == (66, None)
    assert ramp["asked_per_used"] == pytest.approx(
        (3 * 150 + 100 + 60 + 180) / (48.6 + 88.6 + 128.6 + 58.6 + 48.6 + 128.6), rel=0.01
    )


def test_an_empty_history_says_what_to_do_and_makes_no_file(history: Run, tmp_path: Path) -> None:
    code, out, _ = history("show")
    assert code == 0
    assert "chromplan history import" in out
    assert json.loads(history("show", "--json")[1]) == []
    assert json.loads(history("show", "--summary", "--json")[1]) == []
    assert list(tmp_path.iterdir()) == []


def test_every_format_is_recognised(history: Run, tmp_path: Path) -> None:
    benchmark = tmp_path / "bench" / "impute" / "NA1.chr7.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text("s\th:m:s\tmax_rss\n63.7\t0:01:03\t812.5\n")
    pattern = "bench/{rule}/{sample}.chr{chromosome}.tsv"
    code, out, _ = history("import", benchmark, FIXTURES / "nextflow_default.txt", "--path-pattern", pattern)
    assert code == 0
    assert "snakemake, 1 attempt," in out
    assert "nextflow, 2 attempts" in out
    seen = json.loads(history("show", "--tool", "impute", "--json")[1])[0]
    assert (seen["sample"], seen["chromosome"], seen["peak_mb"]) == ("NA1", "7", 812.5)


def test_a_table_s_columns_can_be_named(history: Run, tmp_path: Path) -> None:
    table = tmp_path / "runs.txt"
    table.write_text("c,mem,secs,n,w\n7,500,3,10,4\n")
    options = ("--peak", "mem", "--wall", "secs", "--chromosome", "c", "--feature", "variants=n,window=w", "--sampled")
    code, _, err = history("import", table, "--tool", "t", *options)
    assert (code, err) == (0, "")
    (seen,) = json.loads(history("show", "--json")[1])
    assert seen["features"] == {"length_mb": 159.345973, "variants": 10.0, "window": 4.0}
    assert (seen["peak_mb"], seen["wall_s"], seen["quality"]) == (500, 3, "sampled")


def test_the_genome_comes_from_the_project_when_it_says_one(history: Run, tmp_path: Path) -> None:
    (tmp_path / "chromplan.toml").write_text(
        '[pipeline]\nname = "x"\ntool = "t"\ncommand = "true {chromosome}"\ngenome = "GRCh37"\n'
    )
    history("import", OWN, "--tool", "ramp", "--poll", 1)
    seen = json.loads(history("show", "--task", "chr4", "--json")[1])[0]
    assert seen["features"]["length_mb"] == 191.154276


def test_columns_can_be_named_for_sacct_without_a_header(history: Run, tmp_path: Path) -> None:
    text = tmp_path / "jobs.txt"
    text.write_text("5|chr7|COMPLETED|1G\n")
    code, _, err = history("import", text, "--tool", "t")
    assert code == 2
    assert "no header" in err
    code, out, _ = history("import", text, "--tool", "t", "--columns", "JobID,JobName,State,ReqMem")
    assert (code, "1 new" in out) == (0, True)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (OWN.read_text()[:3000], "line 20: the last row is cut"),
        ((FIXTURES / "sacct_22.05.json").read_text()[:3000], "not valid JSON"),
        ("", "no attempt could be read"),
        ("peak_mb,wall_s\n5,1\n5", "line 3: the last row is cut"),
    ],
)
def test_a_cut_file_is_two_lines_of_error_and_changes_nothing(
    history: Run, tmp_path: Path, content: str, said: str
) -> None:
    history("import", OWN, "--tool", "ramp", "--poll", 1)
    store = tmp_path / ".chromplan" / "history.sqlite"
    before = store.read_bytes()
    cut = tmp_path / "cut.txt"
    cut.write_text(content)
    code, _, err = history("import", EXAMPLES / "beagle_chr22.csv", cut, "--tool", "t")
    assert code == 2
    assert [line.partition(":")[0] for line in err.splitlines()] == ["error", "hint"]
    assert f"{cut}" in err
    assert said in err
    assert store.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((FIXTURES / "nope.txt", "--tool", "t"), "no such file"),
        ((OWN,), "the tool of these jobs is not known"),
        ((OWN, "--tool", "t", "--name-pattern", "("), "name pattern"),
        ((OWN, "--tool", "t", "--genome", "mouse"), "unknown genome"),
        ((OWN, "--tool", "t", "--name-pattern", "nothing(?P<sample>x)"), "no attempt was read"),
        ((EXAMPLES / "beagle_chr22.csv", "--tool", "t", "--feature", "x="), "NAME=COLUMN is expected"),
        ((EXAMPLES / "beagle_chr22.csv", "--tool", "t", "--feature", "x"), "no column 'x'"),
        ((EXAMPLES / "beagle_chr22.csv",), "the tool is not known"),
    ],
)
def test_what_cannot_be_imported_is_said_and_nothing_is_recorded(
    history: Run, tmp_path: Path, options: tuple[object, ...], said: str
) -> None:
    code, _, err = history("import", *options)
    assert code == 2
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_a_columns_name_alone_is_the_features_too(history: Run) -> None:
    history(
        "import", EXAMPLES / "beagle_chr22.csv", "--tool", "t", "--feature", "n_variants", "--feature", "x=n_samples"
    )
    (first, *_) = json.loads(history("show", "--json")[1])
    assert {"n_variants", "x"} <= set(first["features"])


def test_an_import_does_not_double_what_a_round_recorded(history: Run, tmp_path: Path) -> None:
    history("import", OWN, "--tool", "ramp", "--poll", 1)
    from dataclasses import replace

    with Store.open(tmp_path / ".chromplan" / "history.sqlite") as store:
        (guess,) = store.observations(task="chr4")
        store.add([replace(guess, task="s1.chr4", sample="s1")])
    history("import", OWN, "--tool", "ramp", "--poll", 1)
    assert [one["task"] for one in json.loads(history("show", "--json")[1]) if one["job_id"] == "3_4"] == ["s1.chr4"]


FAKE_SACCT = """#!/bin/bash
printf '%s\\n' "$@" > "{folder}/argv"
echo "$SLURM_TIME_FORMAT" > "{folder}/format"
cat "{own}"
"""


@pytest.fixture
def recorded_sacct(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A sacct on PATH that answers with recorded output and keeps how it was asked."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "sacct"
    program.write_text(FAKE_SACCT.format(folder=folder, own=OWN))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return folder


def test_collect_makes_one_bounded_call(history: Run, recorded_sacct: Path) -> None:
    code, out, _ = history("collect", "--job", "3_1", "--job", "19", "--tool", "ramp", "--poll", 1)
    assert code == 0
    assert "sacct: 9 attempts, 15 skipped" in out
    assert "history: 9 new" in out
    argv = (recorded_sacct / "argv").read_text().splitlines()
    assert argv[-2:] == ["-j", "3,19"]
    assert (recorded_sacct / "format").read_text() == "%s\n"


def test_collect_by_name_takes_a_window(history: Run, recorded_sacct: Path) -> None:
    assert history("collect", "--name", "arr", "-S", "now-7days", "-E", "now", "--tool", "ramp")[0] == 0
    assert (recorded_sacct / "argv").read_text().split()[-6:] == ["--name", "arr", "-S", "now-7days", "-E", "now"]


@pytest.mark.parametrize(
    "options", [("--name", "arr"), (), ("-S", "now-7days", "-E", "now"), ("--job", "x"), ("--job", "5")]
)
def test_collect_refuses_an_unbounded_or_unclear_call_before_making_it(
    history: Run, recorded_sacct: Path, options: tuple[str, ...]
) -> None:
    tool = () if options == ("--job", "5") else ("--tool", "t")
    code, _, err = history("collect", *options, *tool)
    assert code == 2
    assert err.startswith("error:")
    assert not (recorded_sacct / "argv").exists()


def test_collect_without_slurm_says_so(history: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    code, _, err = history("collect", "--job", "5", "--tool", "t")
    assert code == 1
    assert "sacct: not found" in err


def test_a_file_that_was_imported_is_said_the_same_of_and_not_read_again(
    history: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from planner.history.sacct import read as sacct

    first = history("import", OWN, "--tool", "ramp", "--poll", 1)[1]
    with monkeypatch.context() as patch:
        patch.setattr(sacct, "assemble", None)  # nothing is judged again
        second = history("import", OWN, "--tool", "ramp", "--poll", 1)[1]
    assert second.splitlines()[:-1] == first.splitlines()[:-1]
    new = first.splitlines()[-1].split()[1]
    assert second.splitlines()[-1] == f"history: 0 new, 0 updated, {new} unchanged"
    assert history("import", OWN, "--tool", "other", "--poll", 1)[1].splitlines()[-1].split()[3] == new
    assert history("import", OWN, "--tool", "ramp", "--poll", 1)[1].splitlines()[-1].split()[3] == new


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--path-pattern", "{rule}/{sample}.txt"), "--path-pattern does not apply to sacct"),
        (("--peak", "x"), "--peak does not apply to sacct"),
        (("--feature", "a=b"), "--feature does not apply to sacct"),
        (("--sampled",), "--sampled does not apply to sacct"),
    ],
)
def test_an_option_that_means_nothing_for_the_files_is_refused(
    history: Run, options: tuple[str, ...], said: str
) -> None:
    code, _, err = history("import", OWN, "--tool", "t", *options)
    assert code == 2
    assert said in err


def test_an_unknown_format_names_those_that_are_known(history: Run) -> None:
    code, _, err = history("import", OWN, "--tool", "t", "--format", "sge")
    assert code == 2
    assert "known formats: " in err
    assert "efficiency, " in err
