"""What docs/dynamic.md and the benchmark promise."""

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_example_prints_what_the_page_says() -> None:
    page = (ROOT / "docs" / "dynamic.md").read_text()
    code, printed = re.findall(r"```(?:python)?\n(.*?)```", page, re.DOTALL)[:2]
    found = io.StringIO()
    with contextlib.redirect_stdout(found):
        exec(code, {})
    assert found.getvalue() == printed


def test_the_benchmark_prints_one_record_per_task_size() -> None:
    script = ROOT / "benchmarks" / "dynamic_schedule.py"
    words = "--preset G --task-size 0.2 --task-size 0.8 --policy chromplan --prior --live --mode B --alpha 0.01"
    done = subprocess.run(
        [sys.executable, str(script), *words.split(), "--runs", "3", "--first-seed", "60000", "--jobs", "1", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    records = json.loads(done.stdout)
    assert [record["task_size"] for record in records] == [0.2, 0.8]
    for record in records:
        assert (record["preset"], record["policy"]) == ("G", "chromplan")
        assert (record["options"]["prior"], record["options"]["live"], record["options"]["mode"]) == (True, True, "B")
        assert record["ratio"] > 1
        assert set(record) >= {"ratio_ci95", "overcommits", "overcommits_ci95", "ms_per_run"}
