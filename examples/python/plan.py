"""Plan a round from Python: past runs in, a model, a plan as a table, scripts out.

Usage: python examples/python/plan.py [FOLDER]
"""

import shutil
import sys
from pathlib import Path

import planner

HERE = Path(__file__).parent
folder = Path(sys.argv[1] if len(sys.argv) > 1 else "impute")
folder.mkdir(exist_ok=True)
shutil.copy(HERE / "chromplan.toml", folder)

runs = planner.read_table(
    HERE.parent / "data" / "beagle_chr22.csv", tool="beagle", features={"length_mb": "length_mb_grch37"}
)
print(planner.fit(runs, ["length_mb"]).predict({"length_mb": 249.25}).reason)

project = planner.Project(folder)
print(project.record(runs), "runs are new in", project.history)
print(project.fit())
plan = project.plan(mode="jobs")
print(plan.to_frame()[["task", "request_mb", "predicted_mb", "reason"]].head(3).to_string(index=False))
print(*project.render()[:3], sep="\n")
print(project.status(offline=True))
