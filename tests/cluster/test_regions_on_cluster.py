"""Regions on a real Slurm with a real tool: what the parts give together is what the whole chromosome gives."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster
CHROMOSOMES = {"2": 19_698_289, "4": 18_585_056}  # thale cress, TAIR10
TOML = """
[pipeline]
name = "common"
tool = "bcftools"
genome = "TAIR10"
chromosomes = "2,4"
regions = "{regions}"
command = "bcftools view --min-ac 2 --regions {{region}} --output-type b --output out/{{task}}.bcf variants.bcf"
time = "00:10:00"

[memory]
formula = "{formula}"

[submit]
site = "./site.toml"
"""


@pytest.fixture(scope="module")
def variants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An indexed file of the variants of ten simulated plants."""
    if not shutil.which("bcftools"):
        pytest.skip("bcftools is not installed")
    msprime = pytest.importorskip("msprime")
    folder = tmp_path_factory.mktemp("variants")
    for seed, (name, length_bp) in enumerate(CHROMOSOMES.items(), start=1):
        plants = msprime.sim_ancestry(
            10, sequence_length=length_bp, recombination_rate=1e-8, population_size=2000, random_seed=seed
        )
        mutated = msprime.sim_mutations(plants, rate=1e-8, random_seed=seed)
        with (folder / f"{name}.vcf").open("w") as file:
            mutated.write_vcf(file, contig_id=name, position_transform=lambda at: [1 + int(one) for one in at])
    whole = folder / "variants.bcf"
    bcftools("concat", "-Ob", "-o", whole, *(folder / f"{name}.vcf" for name in CHROMOSOMES))
    bcftools("index", whole)
    return whole


def bcftools(*argv: str | Path) -> str:
    return subprocess.run(["bcftools", *argv], check=True, capture_output=True, text=True).stdout


def records(*files: Path) -> list[str]:
    """Return the records of these files one after the other."""
    return [line for file in files for line in bcftools("view", "--no-header", file).splitlines()]


def prepared(cluster: Cluster, variants: Path, *, name: str) -> Pipeline:
    """Return a project that has the variants."""
    pipeline = Pipeline(cluster, name=name)
    for file in (variants, variants.with_suffix(".bcf.csi")):
        shutil.copy(file, pipeline.folder)
        (pipeline.folder / file.name).chmod(0o644)
    return pipeline


def test_chromosomes_that_fit_no_node_are_cut_run_and_joined(omk_cluster: Cluster, variants: Path) -> None:
    pipeline = prepared(omk_cluster, variants, name="cut")
    # 19.7 and 18.6 Mb: more than the 4 000 MB of a node, whole
    pipeline.write("chromplan.toml", TOML.format(regions="chromosomes", formula="100 + 300 * length_mb"))
    refused = pipeline.run("chromplan", "plan", check=False)
    assert refused.returncode == 2
    assert "chromplan plan --split auto" in refused.stderr
    planned = pipeline.json("plan", "--split", "auto")
    assert {way["parts"]: bool(way["refused"]) for way in planned["ways"]}["1"]
    tasks = sorted(planned["tasks"], key=lambda task: task["element"])
    assert len(tasks) > len(CHROMOSOMES)
    assert max(task["request_mb"] for task in tasks) <= 4000
    pipeline.chromplan("render")
    pipeline.chromplan("submit")
    assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
    assert pipeline.json("next")["tasks"] == []
    for chromosome in CHROMOSOMES:
        parts = [pipeline.folder / f"out/{task['task']}.bcf" for task in tasks if task["chromosome"] == chromosome]
        whole = bcftools("view", "--no-header", "--min-ac", "2", "--regions", chromosome, variants).splitlines()
        assert records(*parts) == whole


def test_parts_concatenated_are_the_whole_chromosome(omk_cluster: Cluster, variants: Path) -> None:
    found: dict[str, dict[str, list[str]]] = {}
    for regions, name in (("5Mb", "parts"), ("chromosomes", "whole")):
        pipeline = prepared(omk_cluster, variants, name=name)
        pipeline.write("chromplan.toml", TOML.format(regions=regions, formula="100 + 2 * length_mb"))
        pipeline.ready()
        pipeline.chromplan("submit")
        assert {row["outcome"] for row in pipeline.finish().values()} == {"completed"}
        tasks = sorted(pipeline.json("plan", "--again")["tasks"], key=lambda task: task["element"])
        found[name] = {
            chromosome: records(
                *(pipeline.folder / f"out/{task['task']}.bcf" for task in tasks if task["chromosome"] == chromosome)
            )
            for chromosome in CHROMOSOMES
        }
        assert len(tasks) == (8 if regions == "5Mb" else 2)
    assert all(len(lines) > 1000 for lines in found["whole"].values())
    assert found["parts"] == found["whole"]
