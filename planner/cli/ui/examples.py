"""Examples that ``--help`` ends with, by command; a test parses every one."""

from __future__ import annotations

import click

EXAMPLES: dict[str, tuple[str, ...]] = {
    "advise": (
        "chromplan advise",
        "chromplan advise 4711",
        "chromplan advise --name impute --since now-30days --html impute.html",
        "sacct -P -o ALL -j 4711 | chromplan advise -",
    ),
    "init": (
        "chromplan init",
        "chromplan init --site cannon --samples samples.tsv --tool beagle --command 'run.sh {sample} {chromosome}'",
    ),
    "site list": ("chromplan site list",),
    "site show": ("chromplan site show cannon",),
    "site detect": ("chromplan site detect -o site_configs/mine.toml",),
    "site check": ("chromplan site check cannon",),
    "doctor": ("chromplan doctor", "chromplan doctor --try"),
    "history import": (
        "chromplan history import jobs.txt --tool beagle",
        "chromplan history import runs.csv --tool beagle --peak peak_rss_mb --feature n_variants",
    ),
    "history collect": (
        "chromplan history collect --job 4711 --tool beagle",
        "chromplan history collect --name impute -S now-7days -E now --tool beagle",
    ),
    "history show": ("chromplan history show --summary",),
    "history export": ("chromplan history export --tool beagle --out beagle.jsonl",),
    "history merge": ("chromplan history merge beagle.jsonl",),
    "history prune": ("chromplan history prune --tool beagle --before 2025-01-01",),
    "report": ("chromplan report", "chromplan report --former 16G -o impute.html"),
    "export": (
        "chromplan export --to snakemake",
        "chromplan export --to snakemake phase=projects/phase impute=projects/impute -o workflow",
        "chromplan export --to nextflow --tool BEAGLE_IMPUTE -o conf",
    ),
    "record": (
        "chromplan record --tool plink2 --chromosome 21 --input chr21.vcf.gz -- plink2 --vcf chr21.vcf.gz --freq",
    ),
    "fit": (
        "chromplan fit",
        "chromplan fit --tool beagle --mem 16G",
        "chromplan fit --symbolic --out mine.formula.toml",
    ),
    "formula list": ("chromplan formula list",),
    "formula show": ("chromplan formula show beagle",),
    "formula export": ("chromplan formula export beagle --to bash",),
    "formula check": ("chromplan formula check beagle --table runs.csv --target peak_rss_mb",),
    "order": ("chromplan order -k 4", "chromplan order --table rounds/r001/plan.json --cap 64G"),
    "simulate": ("chromplan simulate", "chromplan simulate --table runs.csv --mem 128G --uniform 16G"),
    "plan": ("chromplan plan", "chromplan plan --compare", "chromplan plan --mode packed --plot plan.svg"),
    "render": ("chromplan render",),
    "submit": ("chromplan submit --dry-run", "chromplan submit", "chromplan submit --then-next"),
    "status": ("chromplan status", "chromplan status --json"),
    "watch": ("chromplan watch",),
    "logs": ("chromplan logs NA12878.chr21",),
    "cancel": ("chromplan cancel", "chromplan cancel NA12878.chr21"),
    "ingest": ("chromplan ingest",),
    "next": ("chromplan next", "chromplan next --submit"),
    "run": ("chromplan run --local", "chromplan run --local -k 4 --mem 16G"),
    "drive": ("salloc --ntasks=8 --mem=64G --time=4:00:00 chromplan drive",),
    "wrap": ("chromplan wrap impute.sh", "chromplan wrap --array=1-22 --time=4:00:00 impute.sh NA12878"),
    "runs prune": ("chromplan runs prune --older 30 --dry-run",),
    "sbatch": ("chromplan sbatch impute.sh", "chromplan sbatch --array=1-22 impute.sh NA12878"),
}


def attach(command: click.Command, path: str) -> None:
    """Let the help of a command, and of those below it, end with its examples."""
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            attach(one, f"{path} {name}")
    elif path in EXAMPLES and not command.epilog:
        lines = "\n".join(f"  {example}" for example in EXAMPLES[path])
        command.epilog = f"\b\nExamples:\n{lines}"
