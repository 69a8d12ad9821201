"""The same request in every language, to the MiB, each run by its own interpreter."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from formulas import RATIOS, bundled, feature_rows, small

from planner.core.errors import InputError
from planner.formula import exports, formula
from planner.formula.formula import Formula
from planner.formula.ranges import Feature

LEVEL = 0.95
# Debian's, Red Hat's, and that of BSD and macOS; busybox's is often built without exp and log
AWKS = ("mawk", "gawk", "original-awk")
# every operation of the grammar, and features named like words of the languages
EVERYTHING = small(
    tool="7 tools/ü",
    root=formula.parse(
        "abs(-length)^0.5 + max(lambda, min(task, 3, input)) - sqrt(in)/2 + log(length) + -lambda*0.1"
    ).root,
    features={
        name: Feature(low=1.0, high=50.0) for name in ("length", "lambda", "task", "input", "in", "print", "object")
    },
)
# (formula, rows): the bundled one on a thousand rows, the others on fewer
CASES = {
    "beagle": (bundled(), 1000),
    "zero": (small(), 100),
    "ratio": (small(ratios=RATIOS), 100),
    "everything": (EVERYTHING, 100),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> tuple[Formula, list[dict[str, float]], list[int]]:
    one, count = CASES[request.param]
    rows = feature_rows(one, count)
    return one, rows, [one.bound(row, LEVEL).request_mb for row in rows]


Case = tuple[Formula, list[dict[str, float]], list[int]]


def program(name: str) -> str:
    """Return a program's path, also beside this interpreter; skip where there is none (root could install it: fail)."""
    beside = Path(sys.executable).parent
    path = shutil.which(name, path=f"{beside}{os.pathsep}{os.environ['PATH']}")
    if path is None:
        demanded = os.environ.get("CHROMPLAN_REQUIRE_SLURM") == "1" and os.geteuid() == 0
        (pytest.fail if demanded else pytest.skip)(f"{name} is not installed")
    return path


def run(argv: list[str], cwd: Path, *, text: str | None = None) -> str:
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def table(one: Formula, rows: list[dict[str, float]]) -> str:
    lines = ["\t".join(one.inputs), *("\t".join(repr(row[name]) for name in one.inputs) for row in rows)]
    return "\n".join(lines) + "\n"


def test_the_rows_reach_inside_outside_and_the_edges() -> None:
    one = bundled()
    widened = [one.bound(row, LEVEL).widened for row in feature_rows(one, 1000)]
    assert 100 < sum(factor > 1.0 for factor in widened) < 900


def test_python(case: Case, tmp_path: Path) -> None:
    one, rows, expected = case
    function = exports.export(one, "python", LEVEL).partition("def ")[2].partition("(")[0]
    script = exports.export(one, "python", LEVEL) + (
        f"import json, sys\nprint(json.dumps([{function}(*row) for row in json.load(sys.stdin)]))\n"
    )
    (tmp_path / "memory.py").write_text(script)
    given = json.dumps([[row[name] for name in one.inputs] for row in rows])
    assert json.loads(run([sys.executable, "-I", "memory.py"], tmp_path, text=given)) == expected


@pytest.mark.parametrize("awk", AWKS)
def test_awk(case: Case, tmp_path: Path, awk: str) -> None:
    one, rows, expected = case
    (tmp_path / "memory.awk").write_text(exports.export(one, "awk", LEVEL))
    (tmp_path / "tasks.tsv").write_text(table(one, rows))
    header, *lines = run([program(awk), "-f", "memory.awk", "tasks.tsv"], tmp_path).splitlines()
    assert header.split("\t") == [*one.inputs, "mem_mb"]
    assert [int(line.split("\t")[-1]) for line in lines] == expected


def test_awk_names_a_missing_column(tmp_path: Path) -> None:
    (tmp_path / "memory.awk").write_text(exports.export(small(), "awk", LEVEL))
    done = subprocess.run(
        [program("awk"), "-f", "memory.awk"],
        input="window\n4\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "no column length_mb" in done.stderr


def test_bash(case: Case, tmp_path: Path) -> None:
    one, rows, expected = case
    text = exports.export(one, "bash", LEVEL)
    function = re.findall(r"^(\w+)\(\) \{$", text, re.MULTILINE)[0]
    calls = [f"{function} {' '.join(repr(row[name]) for name in one.inputs)}" for row in rows]
    (tmp_path / "memory.sh").write_text("\n".join(["set -euo pipefail", text, *calls]) + "\n")
    assert [int(line) for line in run(["bash", "memory.sh"], tmp_path).splitlines()] == expected


@pytest.mark.parametrize("awk", AWKS)
def test_bash_with_every_awk(tmp_path: Path, awk: str) -> None:
    (tmp_path / "awk").symlink_to(program(awk))
    rows = feature_rows(EVERYTHING, 20)
    calls = [f"formula_mem_mb {' '.join(repr(row[name]) for name in EVERYTHING.inputs)}" for row in rows]
    script = [f"PATH={tmp_path}:$PATH", exports.export(EVERYTHING, "bash", LEVEL), *calls]
    (tmp_path / "memory.sh").write_text("\n".join(script) + "\n")
    expected = [EVERYTHING.bound(row, LEVEL).request_mb for row in rows]
    assert [int(line) for line in run(["bash", "memory.sh"], tmp_path).splitlines()] == expected


@pytest.mark.parametrize("given", ["100 10", "100 10 4 4", "100 10 ten", "100 10 ''", "100 10 'a[$(touch taken)]'"])
def test_bash_refuses_what_is_no_row_of_numbers(tmp_path: Path, given: str) -> None:
    (tmp_path / "memory.sh").write_text(exports.export(small(), "bash", LEVEL) + f"impute_mem_mb {given}\n")
    done = subprocess.run(["bash", "memory.sh"], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 2
    assert "error: impute_mem_mb" in done.stderr
    assert not done.stdout
    assert not (tmp_path / "taken").exists()


def test_bash_passes_shellcheck(case: Case, tmp_path: Path) -> None:
    (tmp_path / "memory.sh").write_text("#!/bin/bash\n" + exports.export(case[0], "bash", LEVEL))
    run([program("shellcheck"), "memory.sh"], tmp_path)


@pytest.mark.slow
def test_nextflow_by_groovy(case: Case, tmp_path: Path) -> None:
    one, rows, expected = case
    text = exports.export(one, "nextflow", LEVEL)
    function = re.findall(r"^def (\w+)\(", text, re.MULTILINE)[0]
    given = ", ".join(f"'{name}': cells[{i}] as double" for i, name in enumerate(one.inputs))
    text += (
        "new File('tasks.tsv').readLines().drop(1).each { line ->\n"
        f"    def cells = line.split('\\t')\n    println {function}([{given}])\n}}\n"
    )
    (tmp_path / "memory.groovy").write_text(text)
    (tmp_path / "tasks.tsv").write_text(table(one, rows))
    assert [int(line) for line in run([program("groovy"), "memory.groovy"], tmp_path).splitlines()] == expected


SNAKEFILE = """
import json
FEATURES = json.load(open("features.json"))
{function}
rule all:
    input: expand("out/{{task}}", task=FEATURES)
rule impute:
    output: "out/{{task}}"
    retries: 1
    resources: mem_mb={name}_of(lambda wildcards: FEATURES[wildcards.task])
    shell: {shell}
"""


def snakefile(one: Formula, rows: list[dict[str, float]], folder: Path, *, shell: str) -> str:
    text = exports.export(one, "snakemake", LEVEL)
    name = re.findall(r"^def (\w+)_of\(", text, re.MULTILINE)[0]
    (folder / "Snakefile").write_text(SNAKEFILE.format(function=text, name=name, shell=json.dumps(shell)))
    features = {str(i): {key: row[key] for key in one.inputs} for i, row in enumerate(rows)}
    (folder / "features.json").write_text(json.dumps(features))
    return program("snakemake")


@pytest.mark.slow
def test_snakemake_resolves_the_resource_of_every_job(tmp_path: Path) -> None:
    one = bundled()
    rows = feature_rows(one, 1000)
    snakemake = snakefile(one, rows, tmp_path, shell="touch {output}")
    told = run([snakemake, "--dry-run", "--cores", "1"], tmp_path)
    jobs = re.findall(
        r"^rule impute:\n(?:    .*\n)*?    output: out/(\d+)\n(?:    .*\n)*?    resources: .*?mem_mb=(\d+)",
        told,
        re.MULTILINE,
    )
    assert {int(task): int(mem_mb) for task, mem_mb in jobs} == {
        i: one.bound(row, LEVEL).request_mb for i, row in enumerate(rows)
    }


@pytest.mark.slow
def test_snakemake_runs_jobs_with_it_and_doubles_at_a_retry(tmp_path: Path) -> None:
    one = small()
    rows = feature_rows(one, 2)
    # the first attempt of each job fails
    shell = (
        "test -e tried_{wildcards.task} && echo {resources.mem_mb} > {output} || (touch tried_{wildcards.task}; exit 1)"
    )
    snakemake = snakefile(one, rows, tmp_path, shell=shell)
    run([snakemake, "--cores", "1"], tmp_path)
    got = [int((tmp_path / "out" / str(i)).read_text()) for i in range(2)]
    assert got == [2 * one.bound(row, LEVEL).request_mb for row in rows]


SCATTER = """version 1.0
workflow all {{
  input {{
{arrays}
  }}
  scatter (row in range(length(all_{first}))) {{
{elements}
{declarations}
    Int mem_mb = if cp_request > 1 then cp_request else 1
  }}
  output {{ Array[Int] requests = mem_mb }}
}}
"""
EVALUATE = """
import json, sys, WDL
workflow = WDL.load(sys.argv[1]).workflow
library = WDL.StdLib.Base("1.0")
requests = []
for row in json.load(sys.stdin):
    known = WDL.Env.Bindings()
    for declared in workflow.inputs:
        known = known.bind(declared.name, WDL.Value.Float(row[declared.name]))
    for declared in [*workflow.body, *workflow.outputs]:
        known = known.bind(declared.name, declared.expr.eval(known, library).coerce(declared.type))
    requests.append(known["mem_mb"].value)
print(json.dumps(requests))
"""


@pytest.mark.slow
def test_wdl_by_miniwdl_on_every_row(case: Case, tmp_path: Path) -> None:
    one, rows, expected = case
    python = Path(program("miniwdl")).read_text().splitlines()[0].removeprefix("#!")
    (tmp_path / "memory.wdl").write_text(exports.export(one, "wdl", LEVEL))
    (tmp_path / "evaluate.py").write_text(EVALUATE)
    run([program("miniwdl"), "check", "memory.wdl"], tmp_path)
    names = [
        line.split()[1]
        for line in exports.export(one, "wdl", LEVEL).splitlines()
        if re.fullmatch(r"    Float \w+", line)
    ]
    given = [dict(zip(names, (row[name] for name in one.inputs), strict=True)) for row in rows]
    argv = [python, "evaluate.py", "memory.wdl"]
    halves = [json.dumps(given[::2]), json.dumps(given[1::2])]  # miniwdl takes its time: on two cores at once
    with ThreadPoolExecutor() as pool:
        even, odd = pool.map(lambda half: json.loads(run(argv, tmp_path, text=half)), halves)
    assert (even, odd) == (expected[::2], expected[1::2])


@pytest.mark.slow
def test_wdl_as_a_workflow_that_miniwdl_runs(tmp_path: Path) -> None:
    one = bundled()
    rows = feature_rows(one, 20)
    lines = exports.export(one, "wdl", LEVEL).splitlines()
    start, end = lines.index("  }") + 1, lines.index("  output {")
    text = SCATTER.format(
        arrays="\n".join(f"    Array[Float] all_{name}" for name in one.inputs),
        first=one.inputs[0],
        elements="\n".join(f"    Float {name} = all_{name}[row]" for name in one.inputs),
        declarations="\n".join(f"  {line}" for line in lines[start:end]),
    )
    (tmp_path / "all.wdl").write_text(text)
    (tmp_path / "all.json").write_text(json.dumps({f"all_{n}": [row[n] for row in rows] for n in one.inputs}))
    told = run([program("miniwdl"), "run", "all.wdl", "-i", "all.json", "-d", str(tmp_path / "run")], tmp_path)
    assert json.loads(told)["outputs"]["all.requests"] == [one.bound(row, LEVEL).request_mb for row in rows]


def test_an_export_says_what_it_is() -> None:
    for target in exports.TARGETS:
        text = exports.export(bundled(), target, LEVEL)
        assert "95% bound" in text
        assert bundled().text in text


def test_an_unknown_target_and_a_formula_without_bound_are_refused() -> None:
    with pytest.raises(InputError, match="not exported to cobol"):
        exports.export(small(), "cobol", LEVEL)
    with pytest.raises(InputError, match="no calibration"):
        exports.export(small(calibration=None), "bash", LEVEL)
