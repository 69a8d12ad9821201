"""The benchmark of the static order, run."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def printed(*parts: str) -> list[list[str]]:
    script = ROOT / "benchmarks" / "static_order.py"
    done = subprocess.run([sys.executable, str(script), *parts], capture_output=True, text=True, check=True)
    rows = [line.strip("| ").split(" | ") for line in done.stdout.splitlines() if re.match(r"\| \d", line)]
    assert rows
    return rows


def test_the_natural_order_is_the_papers_to_the_hundredth() -> None:
    rows = printed("paper")
    assert [row[1] for row in rows] == ["492.45", "690.47", "1062.54", "1392.80", "1815.91"]
    assert [row[2] for row in rows] == [row[1] for row in rows]


def test_the_page_holds_what_the_benchmark_prints() -> None:
    page = (ROOT / "benchmarks" / "static_order.md").read_text()
    for row in printed("paper", "eps", "caps"):
        assert f"| {' | '.join(row)} |" in page
