"""Measure tools that Debian ships, on simulated data: the rows behind their bundled formulas.

    python examples/tools/measure_tools.py TOOL --out FOLDER [--points 24]

TOOL is plink1.9-grm, samtools-sort, bcftools-sort or minimac4.
Each point of a tool's design is one run: its numbers are drawn (scrambled Sobol, fixed seed), its input is written, and
FOLDER/TOOL.csv gets a row after the run; points that stand there are not run again. Peaks are those of GNU time: each
tool is one process. Needs GNU time and the tool, as from Debian's packages of the same names (minimac4 also msprime).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import qmc

sys.path.append(str(Path(__file__).resolve().parents[1]))
from gnu_time import measured

Point = Mapping[str, float]
SEED = 20261127
PIECE_MB = 5
MOST_PEOPLE = 3000


@dataclass(frozen=True, kw_only=True)
class Tool:
    """How a tool is measured.

    Attributes
    ----------
    low, high : mapping of str to float
        The ranges of the design, drawn log-uniformly and rounded.
    prepare : callable
        Writes the inputs of a point into a folder; returns features that only then are known.
    argv : callable
        The command of a point, run in that folder.
    """

    low: Point
    high: Point
    prepare: Callable[[Path, dict[str, float]], dict[str, float]]
    argv: Callable[[Point], list[str]]


def design(tool: Tool, points: int) -> list[dict[str, float]]:
    """Draw the points of a tool."""
    drawn = qmc.Sobol(len(tool.low), scramble=True, seed=SEED).random(1 << (points - 1).bit_length())[:points]
    low, high = np.array([*tool.low.values()]), np.array([*tool.high.values()])
    return [dict(zip(tool.low, np.round(low * (high / low) ** u).tolist(), strict=True)) for u in drawn]


def bed(folder: Path, point: dict[str, float]) -> dict[str, float]:
    """Write a PLINK file set."""
    sizes = f"{point['n_samples']:.0f}", f"{point['n_variants']:.0f}"
    argv = ["plink1.9", "--dummy", *sizes, "--make-bed", "--out", "in", "--seed", str(SEED)]
    subprocess.run(argv, cwd=folder, check=True, capture_output=True)
    return {}


def sam(folder: Path, point: dict[str, float]) -> dict[str, float]:
    """Write reads in no order, as an aligner leaves them."""
    rng, length = np.random.default_rng(SEED), int(point["read_length"])
    bases = rng.choice(np.frombuffer(b"ACGT", dtype=np.uint8), (5000, length)).view(f"S{length}").ravel()
    quality = rng.choice(np.frombuffer(b"F:,#", dtype=np.uint8), (5000, length), p=[0.8, 0.12, 0.05, 0.03])
    quality = quality.view(f"S{length}").ravel()
    left = int(point["n_reads"])
    with (folder / "in.sam").open("wb") as out:
        out.write(b"@SQ\tSN:chr1\tLN:248956422\n")
        while left > 0:
            at = rng.integers(1, 248_000_000, min(left, 5000))
            rows = zip(at.tolist(), bases.tolist(), quality.tolist(), strict=False)
            out.write(
                b"".join(
                    b"r%d\t0\tchr1\t%d\t60\t%dM\t*\t0\t0\t%s\t%s\tNM:i:0\n" % (n + left, start, length, seq, qual)
                    for n, (start, seq, qual) in enumerate(rows)
                )
            )
            left -= len(at)
    return {}


def vcf(folder: Path, point: dict[str, float]) -> dict[str, float]:
    """Write genotypes with positions in no order."""
    rng, people = np.random.default_rng(SEED), int(point["n_samples"])
    names = "\t".join(f"s{i}" for i in range(people))
    with gzip.open(folder / "in.vcf.gz", "wb", compresslevel=1) as out:
        out.write(_header(names))
        for at in rng.permutation(int(point["n_variants"])).tolist():
            alleles = rng.random((people, 2)) < rng.beta(0.3, 2)
            cells = np.empty((people, 4), dtype=np.uint8)
            cells[:, 0], cells[:, 1], cells[:, 2], cells[:, 3] = 9, alleles[:, 0] + 48, 47, alleles[:, 1] + 48
            out.write(b"1\t%d\t.\tA\tC\t.\tPASS\t.\tGT%s\n" % (100 + 500 * at, cells.tobytes()))
    return {}


def panel(folder: Path, point: dict[str, float]) -> dict[str, float]:
    """Write a reference panel, as minimac4 keeps it, and a target array: one simulated piece, repeated."""
    positions, alleles = piece(folder)
    rng = np.random.default_rng(SEED + int(point["number"]))
    people, panel_people = int(point["n_samples"]), int(point["n_ref_samples"])
    ref, target = alleles[:, : 2 * panel_people], alleles[:, -2 * people :]
    share = ref.mean(axis=1)
    sites = np.flatnonzero((share > 0) & (share < 1))
    sites = np.sort(rng.permutation(sites)[: int(point["ref_per_mb"]) * PIECE_MB])
    common = sites[np.minimum(share[sites], 1 - share[sites]) >= 0.05]
    array = np.sort(rng.permutation(common)[: int(point["array_per_mb"]) * PIECE_MB])
    pieces = int(point["pieces"])
    _write_phased(folder / "ref.vcf.gz", "r", positions[sites], ref[sites], pieces)
    _write_phased(folder / "in.vcf.gz", "t", positions[array], target[array], pieces)
    with (folder / "ref.msav").open("wb") as out:
        subprocess.run(["minimac4", "--compress-reference", "ref.vcf.gz"], cwd=folder, check=True, stdout=out)
    subprocess.run(["tabix", "-f", "in.vcf.gz"], cwd=folder, check=True)
    return {
        "n_ref_variants": len(sites) * pieces,
        "n_variants": len(array) * pieces,
        "segment_mb": pieces * PIECE_MB,
    }


def piece(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (sites) and alleles (sites x haplotypes) of 5 Mb; simulate them once."""
    import msprime

    path = folder / "piece.npz"
    if not path.exists():
        trees = msprime.sim_ancestry(
            MOST_PEOPLE,
            sequence_length=PIECE_MB * 1e6,
            recombination_rate=1e-8,
            population_size=10_000,
            random_seed=SEED,
        )
        trees = msprime.sim_mutations(trees, rate=1.25e-8, random_seed=SEED, model=msprime.BinaryMutationModel())
        found = [v.genotypes.astype(np.uint8) for v in trees.variants() if v.genotypes.max() <= 1]
        positions = [int(v.site.position) + 1 for v in trees.variants() if v.genotypes.max() <= 1]
        np.savez(path, positions=np.array(positions), packed=np.packbits(np.stack(found), axis=1))
    with np.load(path) as saved:
        return saved["positions"], np.unpackbits(saved["packed"], axis=1, count=2 * MOST_PEOPLE)


def _write_phased(path: Path, prefix: str, positions: np.ndarray, alleles: np.ndarray, pieces: int) -> None:
    people = alleles.shape[1] // 2
    cells = np.empty((len(alleles), people, 4), dtype=np.uint8)
    cells[:, :, 0], cells[:, :, 1], cells[:, :, 2], cells[:, :, 3] = 9, alleles[:, ::2] + 48, 124, alleles[:, 1::2] + 48
    with path.open("wb") as out, subprocess.Popen(["bgzip", "-l", "1"], stdin=subprocess.PIPE, stdout=out) as packer:
        assert packer.stdin is not None
        packer.stdin.write(_header("\t".join(f"{prefix}{i}" for i in range(people))))
        for number in range(pieces):
            for at, row in zip((positions + number * PIECE_MB * 1_000_000).tolist(), cells, strict=True):
                packer.stdin.write(b"1\t%d\t.\tA\tC\t.\tPASS\t.\tGT%s\n" % (at, row.tobytes()))


def _header(names: str) -> bytes:
    return (
        '##fileformat=VCFv4.2\n##contig=<ID=1,length=300000000>\n##FILTER=<ID=PASS,Description="">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n"
    ).encode()


TOOLS = {
    "plink1.9-grm": Tool(
        low={"n_samples": 500, "n_variants": 300, "n_threads": 1},
        high={"n_samples": 12_000, "n_variants": 2000, "n_threads": 4},
        prepare=bed,
        argv=lambda p: [
            *("plink1.9", "--bfile", "in", "--make-grm-bin", "--out", "out", "--memory", "4000"),
            *("--threads", f"{p['n_threads']:.0f}"),
        ],
    ),
    "samtools-sort": Tool(
        low={"n_reads": 20_000, "read_length": 75, "n_threads": 1, "sort_mem_mb": 32},
        high={"n_reads": 2_500_000, "read_length": 250, "n_threads": 4, "sort_mem_mb": 768},
        prepare=sam,
        argv=lambda p: [
            *("samtools", "sort", "-l", "1", "-@", f"{p['n_threads']:.0f}", "-m", f"{p['sort_mem_mb']:.0f}M"),
            *("-T", "part", "-o", "out.bam", "in.sam"),
        ],
    ),
    "bcftools-sort": Tool(
        low={"n_variants": 1000, "n_samples": 20, "sort_mem_mb": 32},
        high={"n_variants": 60_000, "n_samples": 2500, "sort_mem_mb": 768},
        prepare=vcf,
        argv=lambda p: [
            *("bcftools", "sort", "-m", f"{p['sort_mem_mb']:.0f}M", "-T", "."),
            *("-Ou", "-o", "out.bcf", "in.vcf.gz"),
        ],
    ),
    "minimac4": Tool(
        low={"n_ref_samples": 200, "n_samples": 10, "pieces": 1, "ref_per_mb": 300, "array_per_mb": 40, "n_threads": 1},
        high={
            "n_ref_samples": 2500,
            "n_samples": 300,
            "pieces": 8,
            "ref_per_mb": 3000,
            "array_per_mb": 200,
            "n_threads": 4,
        },
        prepare=panel,
        argv=lambda p: [
            *("minimac4", "-t", f"{p['n_threads']:.0f}", "-O", "bcf", "-o", "out.bcf"),
            *("ref.msav", "in.vcf.gz"),
        ],
    ),
}
MOST_CELLS = 8e7  # genotypes written at most: what fits the patience of an hour


def run(folder: Path, argv: list[str]) -> dict[str, float]:
    """Run a tool once; return exit code, peak and times."""
    return measured(argv, folder)[0]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tool", choices=TOOLS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--points", type=int, default=24)
    options = parser.parse_args()
    folder = options.out / options.tool
    folder.mkdir(parents=True, exist_ok=True)
    table = options.out / f"{options.tool}.csv"
    done = set()
    if table.exists():
        with table.open() as file:
            done = {row["run_id"] for row in csv.DictReader(file)}
    tool = TOOLS[options.tool]
    for number, point in enumerate(design(tool, options.points)):
        run_id = f"{options.tool}-{number:03d}"
        if run_id in done:
            continue
        if options.tool == "bcftools-sort":
            point["n_variants"] = min(point["n_variants"], round(MOST_CELLS / point["n_samples"]))
        found = tool.prepare(folder, point | {"number": number})
        row = {"run_id": run_id, **point, **found, **run(folder, tool.argv(point))}
        fresh = not table.exists()
        with table.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        print(run_id, row["peak_rss_mb"], "MB", row["cpu_s"], "s CPU", flush=True)


if __name__ == "__main__":
    main()
