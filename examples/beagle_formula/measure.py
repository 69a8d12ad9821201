"""Measure Beagle on chromosomes twice as long as those of beagle_chr22.csv: simulate, impute, record the peak.

    python examples/beagle_formula/measure.py --out FOLDER [--scale 5] [--chromosomes 1-22] [--windows 40,40,4]

Writes FOLDER/runs.csv, a row after every run: GRCh37's lengths over the scale, 854 reference variants and 60 array
sites per Mb, a panel of 250, 25 people imputed, a run per window (cM): by default two of 40 and one of 4, all as in
beagle_chr22.csv. Needs java, beagle.jar and GNU time, as from Debian's packages beagle and time.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from pathlib import Path

import msprime
import numpy as np
import pandas as pd

from planner.core import genomes, human

sys.path.append(str(Path(__file__).resolve().parents[1]))
from gnu_time import measured

JAR = Path("/usr/share/beagle/beagle.jar")
PANEL, PEOPLE = 250, 25
PANEL_PER_MB, ARRAY_PER_MB, ARRAY_MAF = 854.4, 60.0, 0.05
JAVA = ("java", "-XX:+UseSerialGC", "-Xms8m", "-Xmx4096m", "-jar", str(JAR))
SETTINGS = ("nthreads=1", "burnin=3", "iterations=6", "overlap=2.0")


def simulate(chromosome: str, scale: float, folder: Path) -> dict[str, float]:
    """Write ref.vcf.gz and tgt.vcf.gz; return how large they are."""
    seed = 2000 + human.CHROMOSOMES.index(chromosome) + 1
    length = round(genomes.lengths("GRCh37")[chromosome] / scale)
    trees = msprime.sim_ancestry(
        PANEL + PEOPLE, sequence_length=length, recombination_rate=1e-8, population_size=10_000, random_seed=seed
    )
    trees = msprime.sim_mutations(
        trees, rate=1.25e-8, random_seed=seed, model=msprime.BinaryMutationModel(), discrete_genome=False
    )
    genotypes = trees.genotype_matrix()
    positions = np.floor(trees.tables.sites.position).astype(int) + 1
    frequency = genotypes[:, : 2 * PANEL].mean(axis=1)
    frequency = np.minimum(frequency, 1.0 - frequency)
    rng = np.random.default_rng(seed)

    def drawn(sites: np.ndarray, per_mb: float) -> np.ndarray:
        return np.sort(rng.permutation(sites)[: round(per_mb * length / 1e6)])

    panel = drawn(np.flatnonzero((frequency > 0) & (np.diff(positions, prepend=0) > 0)), PANEL_PER_MB)
    array = drawn(panel[frequency[panel] >= ARRAY_MAF], ARRAY_PER_MB)
    _write(folder / "ref.vcf.gz", chromosome, positions, genotypes[:, : 2 * PANEL], panel, "|")
    _write(folder / "tgt.vcf.gz", chromosome, positions, genotypes[:, 2 * PANEL :], array, "/")
    return {"n_ref_variants": len(panel), "n_variants": len(array), "segment_mb": round(length / 1e6, 3)}


def _write(
    path: Path, chromosome: str, positions: np.ndarray, alleles: np.ndarray, sites: np.ndarray, separator: str
) -> None:
    people = "\t".join(f"{path.name[:3]}{i}" for i in range(alleles.shape[1] // 2))
    with gzip.open(path, "wt", compresslevel=1) as file:
        file.write(f"##fileformat=VCFv4.2\n##contig=<ID={chromosome}>\n")
        file.write('##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n')
        file.write(f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{people}\n")
        for site in sites:
            row = alleles[site]
            cells = "\t".join(f"{a}{separator}{b}" for a, b in zip(row[::2], row[1::2], strict=True))
            file.write(f"{chromosome}\t{positions[site]}\t.\tA\tC\t.\tPASS\t.\tGT\t{cells}\n")


def impute(folder: Path, window_cm: float) -> dict[str, float]:
    """Run Beagle; return exit code, peak and times."""
    files = (f"ref={folder / 'ref.vcf.gz'}", f"gt={folder / 'tgt.vcf.gz'}", f"out={folder / 'out'}")
    return measured([*JAVA, *files, *SETTINGS, f"window={window_cm:g}"])[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scale", type=float, default=5.0)
    parser.add_argument("--chromosomes", default="1-22")
    parser.add_argument("--windows", type=_numbers, default=(40.0, 40.0, 4.0), metavar="CM,CM,…")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    rows = []
    for chromosome in human.parse_chromosomes(options.chromosomes):
        known = {
            "chromosome": chromosome,
            "length_mb_grch37": round(genomes.lengths("GRCh37")[chromosome] / 1e6, 2),
            "n_threads": 1,
            "burnin_iterations": 3,
            "main_iterations": 6,
            "n_ref_samples": PANEL,
            "n_samples": PEOPLE,
            "xmx_mb": 4096,
            "xms_mb": 8,
            "gc": "serial",
        }
        known |= simulate(chromosome, options.scale, options.out)
        for number, window_cm in enumerate(options.windows):
            run = {"window_cm": window_cm, "repeat": options.windows[:number].count(window_cm)}
            rows.append({**known, **run, **impute(options.out, window_cm)})
            pd.DataFrame(rows).to_csv(options.out / "runs.csv", index=False)
            print(f"chr{chromosome}: {rows[-1]['peak_rss_mb']} MB, {rows[-1]['wall_s']} s", flush=True)


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(float(part) for part in text.split(","))


if __name__ == "__main__":
    main()
