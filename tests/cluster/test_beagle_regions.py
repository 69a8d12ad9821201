"""Imputation with real Beagle by overlapping regions, joined by the last step, beside whole chromosomes, on real Slurm.

Beagle gives the same markers either way. It does not promise the same genotypes: each depends on the markers around it,
and on chance where two are about as likely, so that a few of ten thousand differ, near the border of a region or not.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cluster import Cluster
from pipelines import Pipeline

pytestmark = pytest.mark.cluster
CHROMOSOMES = {"2": 19_698_289, "4": 18_585_056}  # thale cress, TAIR10
PANEL, TARGETS = 60, 10
WINDOW_BP = 5_000_000
TOML = """
[pipeline]
name = "impute"
tool = "beagle"
genome = "TAIR10"
chromosomes = "2,4"
{regions}
command = '''
export JDK_JAVA_OPTIONS="-Xmx{{java_heap_mb}}m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
beagle ref=panel.vcf.gz gt=targets.vcf.gz chrom={{padded}} out=work/{{task}} nthreads=1 seed=1
bcftools index work/{{task}}.vcf.gz
bcftools view --regions {{region}} --output-type b --output out/{{task}}.bcf work/{{task}}.vcf.gz
'''
time = "00:20:00"

[memory]
formula = "400 + 5 * length_mb"

[then]
tool = "concat"
command = "bcftools concat -Ob -o joined/{{chromosome}}.bcf $(printf 'out/%s.bcf ' $CHROMPLAN_PARTS)"
memory.formula = "100 + length_mb"

[submit]
site = "./site.toml"
"""


def bcftools(*argv: str | Path) -> str:
    return subprocess.run(["bcftools", *argv], check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a phased panel and, at the common sites of a cheap array, the genotypes of further plants."""
    if missing := [one for one in ("bcftools", "beagle", "java") if not shutil.which(one)]:
        pytest.skip(f"{missing[0]} is not installed")
    msprime, np = pytest.importorskip("msprime"), pytest.importorskip("numpy")
    folder = tmp_path_factory.mktemp("imputation")
    for name, length_bp in CHROMOSOMES.items():
        trees = msprime.sim_mutations(
            msprime.sim_ancestry(
                PANEL + TARGETS,
                sequence_length=length_bp,
                recombination_rate=1e-8,
                population_size=2000,
                random_seed=int(name),
            ),
            rate=1e-8,
            random_seed=int(name),
        )
        genotypes = trees.genotype_matrix()
        carried = genotypes[:, : 2 * PANEL].sum(axis=1)
        used = (genotypes.max(axis=1) == 1) & (np.minimum(carried, 2 * PANEL - carried) >= 3)
        on_array = np.zeros_like(used)
        on_array[np.flatnonzero(used & (np.abs(carried - PANEL) < 0.9 * PANEL))[::4]] = True
        for file, first, count, sites in (("panel", 0, PANEL, used), ("targets", PANEL, TARGETS, on_array)):
            with (folder / f"{file}.{name}.vcf").open("w") as out:
                trees.write_vcf(
                    out,
                    contig_id=name,
                    individuals=range(first, first + count),
                    individual_names=[f"{file}{number}" for number in range(count)],
                    site_mask=~sites,
                    position_transform=lambda at: [1 + int(one) for one in at],
                )
    for file in ("panel", "targets"):
        bcftools(
            "concat", "-Oz", "-o", folder / f"{file}.vcf.gz", *(folder / f"{file}.{name}.vcf" for name in CHROMOSOMES)
        )
    return folder


def imputed(cluster: Cluster, inputs: Path, *, name: str, regions: str) -> dict[str, dict[int, list[str]]]:
    """Impute and join on the cluster; return chromosome -> position -> alleles and genotypes."""
    pipeline = Pipeline(cluster, name=name)
    for file in ("panel.vcf.gz", "targets.vcf.gz"):
        shutil.copy(inputs / file, pipeline.folder)
        (pipeline.folder / file).chmod(0o644)
    pipeline.run("mkdir", "work", "joined")
    pipeline.write("chromplan.toml", TOML.format(regions=regions))
    pipeline.ready()
    for _ in range(2):  # the regions, then their joins
        pipeline.chromplan("submit")
        cluster.wait(*(line.split("\t")[1] for line in pipeline.manifest()), timeout_s=900)
        ended = pipeline.finish()
        failed = [task for task, row in ended.items() if row["outcome"] != "completed"]
        assert not failed, ended[failed[0]]["last_line"]
        pipeline.chromplan("next")
    assert len(list((pipeline.folder / "joined").iterdir())) == len(CHROMOSOMES)
    found: dict[str, dict[int, list[str]]] = {}
    for chromosome in CHROMOSOMES:
        rows = bcftools("query", "-f", "%POS %REF %ALT[ %GT]\n", pipeline.folder / f"joined/{chromosome}.bcf")
        cells = [line.split() for line in rows.splitlines()]
        found[chromosome] = {int(position): rest for position, *rest in cells}
        assert len(found[chromosome]) == len(cells)
    return found


def differing(parts: dict[int, list[str]], whole: dict[int, list[str]]) -> list[int]:
    """Return the positions of the genotypes that differ, once for each; which of two alleles is first says nothing."""
    return [
        position
        for position, (_, _, *genotypes) in whole.items()
        for mine, other in zip(parts[position][2:], genotypes, strict=True)
        if sorted(mine.split("|")) != sorted(other.split("|"))
    ]


def test_beagle_by_regions_gives_the_same_markers_and_hardly_other_genotypes(
    omk_cluster: Cluster, inputs: Path
) -> None:
    parts = imputed(omk_cluster, inputs, name="beagleparts", regions='regions = "5Mb"\noverlap = "1Mb"')
    whole = imputed(omk_cluster, inputs, name="beaglewhole", regions="")
    for chromosome, length_bp in CHROMOSOMES.items():
        assert len(whole[chromosome]) > 1000
        assert {at: cells[:2] for at, cells in parts[chromosome].items()} == {
            at: cells[:2] for at, cells in whole[chromosome].items()
        }
        others = differing(parts[chromosome], whole[chromosome])
        genotypes = TARGETS * len(whole[chromosome])
        borders = range(WINDOW_BP, length_bp, WINDOW_BP)
        near = [at for at in others if min(abs(at - border) for border in borders) < 0.5e6]
        said = f"{chromosome}: {len(others)} of {genotypes} genotypes differ, {len(near)} within 0.5 Mb of a border"
        assert len(others) < 0.002 * genotypes, said
