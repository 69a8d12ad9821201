"""One task of the demo where there is no Beagle: a genetic relationship matrix of one chromosome.

Simulates the genotypes of 300 people on a chromosome as long as in GRCh38 divided by a scale, standardises them, and
writes how related every two people are (VanRaden 2008, method 2; GCTA's matrix). The genotypes are held as one matrix,
so memory grows with the chromosome, as in many a tool.

    python grm.py --chromosome 21 --sample batch1 --out grm.chr21.npy
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import msprime
import numpy as np

from planner.core import genomes

PEOPLE = 300


def genotypes(chromosome: str, *, sample: str, scale: float) -> np.ndarray:
    """Return how many copies of the derived allele each person carries, shape (sites, people)."""
    seed = 1 + zlib.crc32(f"{sample}/{chromosome}".encode())
    trees = msprime.sim_ancestry(
        samples=PEOPLE,
        sequence_length=round(genomes.lengths("GRCh38")[chromosome] / scale),
        recombination_rate=1e-8,
        population_size=10_000,
        random_seed=seed,
    )
    trees = msprime.sim_mutations(
        trees, rate=1.25e-8, random_seed=seed, model=msprime.BinaryMutationModel(), discrete_genome=False
    )
    haplotypes = trees.genotype_matrix()
    return haplotypes[:, 0::2] + haplotypes[:, 1::2]


def relationship(copies: np.ndarray) -> np.ndarray:
    """Return the genetic relationship matrix, shape (people, people), from allele copies (sites, people)."""
    frequency = copies.mean(axis=1, keepdims=True, dtype=np.float32) / 2
    standardised = (copies - 2 * frequency) / np.sqrt(2 * frequency * (1 - frequency))
    return standardised.T @ standardised / len(copies)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chromosome", required=True)
    parser.add_argument("--sample", required=True, help="names the group of people; another name, other people")
    parser.add_argument("--scale", type=float, default=25, help="divide GRCh38's lengths by this (default: 25)")
    parser.add_argument("--out", type=Path, required=True, help="the .npy file to write")
    options = parser.parse_args()

    copies = genotypes(options.chromosome, sample=options.sample, scale=options.scale)
    matrix = relationship(copies)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    np.save(options.out, matrix)
    print(f"{len(copies)} sites, {PEOPLE} people, mean relationship to oneself {matrix.diagonal().mean():.3f}")


if __name__ == "__main__":
    main()
