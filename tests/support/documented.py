"""The commands that README and the other pages show, block by block, as a reader would paste them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "examples").glob("**/*.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
]


@dataclass(frozen=True, kw_only=True, slots=True)
class Block:
    """A block of commands: its page, seen from the top of the checkout, and the lines after the prompts."""

    page: str
    lines: tuple[str, ...]

    @property
    def script(self) -> str:
        """The lines as one script."""
        return "".join(f"{line}\n" for line in self.lines)


def blocks() -> list[Block]:
    """Return all blocks that show commands; a line that ends with a backslash goes on."""
    found = []
    for page in PAGES:
        for text in re.findall(r"^```.*?\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
            lines = re.findall(r"^\$ ((?:.*\\\n)*.*)$", text, re.MULTILINE)
            if lines:
                found.append(Block(page=str(page.relative_to(ROOT)), lines=tuple(lines)))
    return found


def block(page: str, beginning: str) -> Block:
    """Return the block of a page whose first line begins so."""
    (found,) = (one for one in blocks() if one.page == page and one.lines[0].startswith(beginning))
    return found


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """A block that needs a cluster, what has to be there before, and what a reader writes in place of what is shown."""

    page: str
    beginning: str
    before: str = ""
    changes: tuple[tuple[str, str], ...] = ()
    more: tuple[str, ...] = ()

    @property
    def script(self) -> str:
        """What bash runs: the preparation, then the lines of the block, and of more blocks of the page."""
        lines = "".join(block(self.page, one).script for one in (self.beginning, *self.more))
        for shown, meant in self.changes:
            assert shown in lines, f"{self.page} does not show {shown!r} any more"
            lines = lines.replace(shown, meant)
        return f"set -euxo pipefail\n{self.before}\n{lines}"


_PIPELINE = """
mkdir site_configs
chromplan site detect -o site_configs/here.toml
sed -i '1i query_interval_s = 1' site_configs/here.toml
chromplan init --name mine --tool mine --site here --sample s1 --chromosomes 20-22 --time 10 \\
    --command 'echo {sample} {chromosome}'
"""
_HISTORY = """
printf 'task,chromosome,peak_mb,wall_s\\n' > runs.csv
for i in 1 5 9 13 17 22; do echo "h$i,$i,$((300 - i * 10)),12" >> runs.csv; done
chromplan history import runs.csv --tool mine
"""
_RENDERED = f"{_PIPELINE}\nchromplan plan\nchromplan render\n"
_ENDED = (("chromplan next", "chromplan watch\nchromplan next"),)
_OVER = """
while [ -n "$(squeue --noheader --jobs="$job" 2>/dev/null)" ]; do sleep 0.5; done
# a question about a time is answered some seconds later than one about a job
until sacct -X -n -P -S now-1hours -E now -o JobID,State | grep "^${job}_" | grep -q COMPLETED; do sleep 0.5; done
"""
_ARRAY = f"job=$(sbatch --parsable --array=1-2 --mem=100 --wrap 'sleep 1'){_OVER}"
_SCRIPTS = """
export XDG_DATA_HOME=$PWD/data
script() { printf '#!/bin/bash\\n#SBATCH --array=20-22 --mem=100 --time=5\\n%s\\n' "$2" >"$1.sh"; }
script phase ': chr"$SLURM_ARRAY_TASK_ID"; [ "$SLURM_ARRAY_TASK_ID" != 21 ] || [ -e repaired ]'
script impute 'echo "$1" chr"$SLURM_ARRAY_TASK_ID"'
script score 'echo chr"$SLURM_ARRAY_TASK_ID"'
"""
_FAILED = """
phase=$(chromplan sbatch phase.sh)
chromplan sbatch --dependency=aftercorr:$phase impute.sh
chromplan watch -C phase --interval 60 || true
chromplan watch -C impute --interval 60 || true
touch repaired
"""

_TUTORIAL = (
    "chromplan sbatch --dry-run",
    "chromplan sbatch impute.sh",
    "chromplan runs",
    "chromplan next --submit",
    "chromplan report",
)

CLUSTER_CASES = (
    Case(
        page="docs/tutorial.md",
        beginning="chromplan advise --name",
        more=_TUTORIAL,
        before=f"{_SCRIPTS}\njob=$(sbatch --parsable impute.sh)\n{_OVER}",
        changes=(("chromplan next --submit", "chromplan watch -C impute --interval 60\nchromplan next --submit"),),
    ),
    Case(page="docs/howto.md", beginning="chromplan plan", before=_PIPELINE),
    Case(page="docs/howto.md", beginning="chromplan site detect"),
    Case(
        page="docs/howto.md",
        beginning="export CHROMPLAN_STORE",
        before=_PIPELINE,
        changes=(("/shared/lab", '"$PWD"'),),
    ),
    Case(page="README.md", beginning="chromplan advise 4711", before=_ARRAY, changes=(("4711", "$job"),)),
    Case(page="README.md", beginning="chromplan submit", before=_RENDERED, changes=_ENDED),
    Case(page="docs/advise.md", beginning="chromplan advise 4711", before=_ARRAY, changes=(("4711", "$job"),)),
    Case(page="docs/advise.md", beginning="sacct -P -o ALL", before=_ARRAY, changes=(("4711", "$job"),)),
    Case(page="docs/rounds.md", beginning="chromplan plan    #", before=_PIPELINE, changes=_ENDED),
    Case(page="docs/rounds.md", beginning="chromplan plan --compare", before=_PIPELINE + _HISTORY),
    Case(page="docs/rounds.md", beginning="chromplan status", before=f"{_RENDERED}\nchromplan submit\n"),
    Case(page="docs/rounds.md", beginning="chgrp lab", before="mkdir project", changes=(("lab", '"$(id -gn)"'),)),
    Case(
        page="docs/rounds.md",
        beginning="salloc",
        before=_RENDERED,
        changes=(("--ntasks=8 --mem=64G", "--ntasks=2 --mem=1G"),),
    ),
    Case(
        page="docs/sites.md",
        beginning="chromplan site detect",
        changes=(("chromplan site check bell", "! chromplan site check bell"),),
    ),
    Case(page="docs/sites.md", beginning="(scontrol show config"),
    Case(page="docs/sites.md", beginning="chromplan doctor"),
    Case(page="docs/wrap.md", beginning="sbatch impute.sh", before=_SCRIPTS),
    Case(page="docs/wrap.md", beginning="sbatch --hold", before=_SCRIPTS),
    Case(
        page="docs/wrap.md",
        beginning="chromplan runs",
        before=f"{_SCRIPTS}\nchromplan sbatch impute.sh\nchromplan watch -C impute --interval 60\n",
        changes=(("status -C 12", "status -C 1"),),
    ),
    Case(page="docs/wrap.md", beginning="phase=$(chromplan sbatch", before=_SCRIPTS),
    Case(page="docs/wrap.md", beginning="chromplan next --submit --retry", before=_SCRIPTS + _FAILED),
    Case(page="examples/beagle22/README.md", beginning="chromplan plan --again", before=_PIPELINE, changes=_ENDED),
)

# page and first words -> what else runs it
ELSEWHERE = {
    ("README.md", "chromplan simulate"): "tests/test_readme.py",
    ("README.md", "chromplan plan"): "tests/test_readme.py",
    ("README.md", "chromplan init"): "tests/test_readme.py",
    ("README.md", "chromplan history import"): "tests/test_readme.py",
    ("README.md", "make demo"): ".ci/demo",
    ("README.md", "pip install ."): "tests/test_wheel.py",
    ("docs/tutorial.md", "uv tool install ."): "tests/test_wheel.py",
    ("docs/howto.md", "apptainer"): "tests/test_packaging.py",
    ("docs/formula.md", "apptainer"): "tests/test_packaging.py",
    ("CONTRIBUTING.md", "make venv"): ".ci/run",
    ("docs/testing.md", "make test "): ".ci/run",
    ("docs/testing.md", "make crash  "): "tests/cluster/test_crashes.py",
    ("docs/testing.md", "make crash CHROMPLAN_CRASHES=random"): "tests/cluster/test_random_kills.py",
    ("docs/testing.md", "make test-slurm"): ".ci/run",
    ("docs/testing.md", "python tests/cluster/cluster.py up"): "tests/cluster/test_cluster.py",
    ("examples/beagle22/README.md", "examples/beagle22/demo.sh"): ".ci/demo",
    # minutes to hours of measuring, with Beagle
    ("examples/beagle_formula/README.md", "python"): "examples/beagle_formula/regenerate.py",
    ("benchmarks/static_order.md", "python"): "benchmarks/__main__.py",
    ("benchmarks/README.md", "python tests/cluster/cluster.py up"): "tests/cluster/cluster.py",
}


def offline() -> list[Block]:
    """Return the blocks that need neither a cluster nor what `ELSEWHERE` names."""
    other = [*ELSEWHERE, *((case.page, one) for case in CLUSTER_CASES for one in (case.beginning, *case.more))]
    return [
        one
        for one in blocks()
        if not any(one.page == page and one.lines[0].startswith(beginning) for page, beginning in other)
    ]
