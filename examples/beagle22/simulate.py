"""Simulate the input of an imputation: 22 chromosomes, each as long as in GRCh38 divided by a scale.

Writes, per chromosome, a phased reference panel ``ref.chrN.vcf.gz`` and, per batch of people, unphased genotypes at the
common sites a cheap array would hold, ``batch1.chrN.vcf.gz`` and so on: what Beagle phases and imputes. Everybody comes
from one simulated population, so that the panel is informative.

    python simulate.py --out input --scale 40
"""

from __future__ import annotations

import argparse
import io
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import msprime
import numpy as np
import pysam

from planner.core import genomes, human

BATCH_PEOPLE = 10
ARRAY_MAF = 0.05
ARRAY_EVERY = 4  # an array holds one in four common sites
MIN_ALLELE_COUNT = 4  # in the panel; rarer alleles cannot be imputed


def simulate(chromosome: str, *, out: Path, scale: float, panel: int, batches: int) -> str:
    """Write one chromosome's files and say what is in them."""
    people = panel + batches * BATCH_PEOPLE
    seed = 1 + human.CHROMOSOMES.index(chromosome)
    trees = msprime.sim_ancestry(
        samples=people,
        sequence_length=round(genomes.lengths("GRCh38")[chromosome] / scale),
        recombination_rate=1e-8,
        population_size=10_000,
        random_seed=seed,
    )
    trees = msprime.sim_mutations(trees, rate=1.25e-8, random_seed=seed)

    genotypes = trees.genotype_matrix()
    panel_count = (genotypes[:, : 2 * panel] > 0).sum(axis=1)
    panel_count = np.minimum(panel_count, 2 * panel - panel_count)
    in_panel = (genotypes.max(axis=1) == 1) & (panel_count >= MIN_ALLELE_COUNT)
    on_array = np.zeros_like(in_panel)
    on_array[np.flatnonzero(in_panel & (panel_count >= ARRAY_MAF * 2 * panel))[::ARRAY_EVERY]] = True

    def write(name: str, first: int, count: int, sites: np.ndarray, separator: str) -> None:
        text = io.StringIO()
        trees.write_vcf(
            text,
            contig_id=f"chr{chromosome}",
            individuals=range(first, first + count),
            site_mask=~sites,
            position_transform=lambda positions: np.asarray(positions) + 1,  # VCF counts from 1
        )
        path = out / f"{name}.chr{chromosome}.vcf.gz"
        with pysam.BGZFile(str(path), "w") as file:
            file.write(text.getvalue().replace("|", separator).encode())
        pysam.tabix_index(str(path), preset="vcf", force=True)

    write("ref", 0, panel, in_panel, "|")
    for batch in range(batches):
        write(f"batch{batch + 1}", panel + batch * BATCH_PEOPLE, BATCH_PEOPLE, on_array, "/")
    return f"chr{chromosome}: {in_panel.sum()} sites in the panel, {on_array.sum()} on the array"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("input"), help="folder to write to (default: input)")
    parser.add_argument("--scale", type=float, default=40, help="divide GRCh38's lengths by this (default: 40)")
    parser.add_argument("--panel", type=int, default=250, help="people in the reference panel (default: 250)")
    parser.add_argument("--batches", type=int, default=2, help=f"batches of {BATCH_PEOPLE} people (default: 2)")
    parser.add_argument("--chromosomes", default="1-22", help="as in 1-22 or 20,21 (default: 1-22)")
    parser.add_argument("--quiet", action="store_true")
    options = parser.parse_args()

    options.out.mkdir(parents=True, exist_ok=True)
    one = partial(simulate, out=options.out, scale=options.scale, panel=options.panel, batches=options.batches)
    with ProcessPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        for line in pool.map(one, human.parse_chromosomes(options.chromosomes)):
            if not options.quiet:
                print(line, flush=True)


if __name__ == "__main__":
    main()
