"""Say what the demo saved, from ``chromplan status --json`` on standard input."""

from __future__ import annotations

import json
import sys
from collections import defaultdict


def main() -> None:
    requests: dict[str, list[int]] = defaultdict(list)
    peaks: list[float] = []
    for row in json.load(sys.stdin):
        requests[row["task"].partition(".")[0]].append(row["request_mb"])
        if row["outcome"] == "completed":
            peaks.append(row["peak_mb"])
    if len(peaks) < len(requests["batch1"]):
        sys.exit(f"error: {len(peaks)} of {len(requests['batch1'])} tasks completed\nhint: see rounds/*/logs/")

    uniform = max(requests["batch1"]) * len(requests["batch1"])
    lines = [
        ("one --mem for all, enough for the largest", uniform),
        ("a request per task: batch 1, as it ran", sum(requests["batch1"])),
        ("a request per task: batch 2, after learning from batch 1", sum(requests["batch2"])),
        ("what batch 1 really used, added up", round(sum(peaks))),
    ]
    print(f"memory asked for by {len(requests['batch1'])} tasks, MB")
    for text, total in lines:
        print(f"  {text:58}{total:7}{total / uniform - 1:7.0%}")


if __name__ == "__main__":
    main()
