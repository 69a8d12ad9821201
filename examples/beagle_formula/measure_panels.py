"""Measure Beagle at real sizes: panels of 250 to 5000 people, 10 to 120 Mb, 1 to 8 threads, windows of 5 to 80 cM.

    python examples/beagle_formula/measure_panels.py --out FOLDER [--first 0] [--last 59] [--gc serial|g1|parallel]
    python examples/beagle_formula/measure_panels.py --out FOLDER --design large

Each design point is one run: its numbers are drawn (scrambled Sobol, fixed seed; of the design ``large`` only points of
some 0.8 to 6 GB are run, with many genotypes in a window), its genomes are cut from pieces of 10 Mb that msprime
simulates once (FOLDER/pieces): a panel of any size is a matter of seconds. FOLDER/runs.csv gets a row after every run,
and points that stand there are not run again. Peaks are those of GNU time: the JVM is one process. Needs java,
beagle.jar and GNU time, as from Debian's packages beagle and time; the largest points need 14 GB.
"""

from __future__ import annotations

import argparse
import csv
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import msprime
import numpy as np
from scipy.stats import qmc

sys.path.append(str(Path(__file__).resolve().parents[1]))
from gnu_time import measured

JAR = Path("/usr/share/beagle/beagle.jar")
PIECE_MB, MOST_PIECES = 10, 12
MOST_PANEL, MOST_PEOPLE = 5000, 1000
ARRAY_MAF = 0.05
# alleles written for a panel at most: what fits the patience of one evening, not what Beagle can take
MOST_CELLS = 8e8
# genotypes to phase at most: some minutes of CPU time
MOST_GENOTYPES = 4e6
COLLECTORS = {"serial": "-XX:+UseSerialGC", "g1": "-XX:+UseG1GC", "parallel": "-XX:+UseParallelGC"}


@dataclass(frozen=True, kw_only=True)
class Point:
    """One run of the design: what Beagle is given."""

    number: int
    n_ref_samples: int
    n_samples: int
    pieces: int
    ref_per_mb: float
    array_per_mb: float
    n_threads: int
    window_cm: float
    burnin_iterations: int
    main_iterations: int


def design(points: int) -> list[Point]:
    """Draw the points: log-uniform in sizes, uniform in threads (powers of two) and iterations."""
    drawn = qmc.Sobol(8, scramble=True, seed=20261127).random(points)
    found = []
    for number, u in enumerate(drawn):
        panel = round(250 * (MOST_PANEL / 250) ** u[0])
        pieces = 1 + int(u[2] * MOST_PIECES)
        per_mb = 200 * 25 ** u[3]
        per_mb = min(per_mb, MOST_CELLS / (panel * 2 * pieces * PIECE_MB))
        found.append(
            Point(
                number=number,
                n_ref_samples=panel,
                n_samples=round(10 * 20 ** u[1]),
                pieces=pieces,
                ref_per_mb=per_mb,
                array_per_mb=min(per_mb / 2, 40 * 15 ** u[4]),
                n_threads=2 ** int(u[5] * 4),
                window_cm=round(5 * 16 ** u[6], 1),
                burnin_iterations=1,
                main_iterations=1 + int(u[7] * 3),
            )
        )
    return found


def large(points: int) -> list[Point]:
    """Draw points with much in a window, and keep those of some 0.8 to 6 GB that take minutes, not hours."""
    drawn = qmc.Sobol(7, scramble=True, seed=20261128).random(points)
    found = []
    for number, u in enumerate(drawn):
        pieces = 4 + int(u[2] * (MOST_PIECES - 3))
        panel = round(250 * 16 ** u[0])
        most = MOST_CELLS / (panel * 2 * pieces * PIECE_MB)
        point = Point(
            number=1000 + number,
            n_ref_samples=panel,
            n_samples=round(20 * 25 ** u[1]),
            pieces=pieces,
            ref_per_mb=min(most, 1500 * 8 ** u[3]),
            array_per_mb=min(most / 2, 100 * 8 ** u[4]),
            n_threads=2 ** int(u[5] * 4),
            window_cm=round(20 * 4 ** u[6], 1),
            burnin_iterations=1,
            main_iterations=1,
        )
        size_mb = point.pieces * PIECE_MB
        genotypes = point.array_per_mb * size_mb * point.n_samples
        seen_mb = min(size_mb, 2.4 * point.window_cm)
        rough_mb = 100 + seen_mb * (
            0.0012 * point.ref_per_mb + point.array_per_mb * (0.0066 * point.n_threads + 0.0002 * point.n_samples)
        )
        if 800 < rough_mb < 6000 and genotypes < MOST_GENOTYPES:
            found.append(point)
    return found


def piece(folder: Path, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Return positions (sites) and alleles (sites x haplotypes, 0 or 1) of a piece of 10 Mb; simulate it once."""
    path = folder / "pieces" / f"{number}.npz"
    haplotypes = 2 * (MOST_PANEL + MOST_PEOPLE)
    if not path.exists():
        trees = msprime.sim_ancestry(
            haplotypes // 2,
            sequence_length=PIECE_MB * 1e6,
            recombination_rate=1e-8,
            population_size=10_000,
            random_seed=100 + number,
        )
        model = msprime.BinaryMutationModel()
        trees = msprime.sim_mutations(trees, rate=1.25e-8, random_seed=100 + number, model=model, discrete_genome=False)
        positions = np.floor(trees.tables.sites.position).astype(np.int64) + 1
        packed = np.stack([np.packbits(v.genotypes.astype(np.uint8)) for v in trees.variants()])
        keep = np.diff(positions, prepend=0) > 0
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, positions=positions[keep], packed=packed[keep])
    with np.load(path) as saved:
        return saved["positions"], np.unpackbits(saved["packed"], axis=1, count=haplotypes)


def write_inputs(folder: Path, point: Point) -> dict[str, float]:
    """Write ref.vcf.gz and tgt.vcf.gz of a point; return how many variants they hold."""
    rng = np.random.default_rng(1000 + point.number)
    counts = {"n_ref_variants": 0, "n_variants": 0}
    panel, people = 2 * point.n_ref_samples, 2 * point.n_samples
    with (
        _Vcf(folder / "ref.vcf.gz", "ref", point.n_ref_samples, "|") as ref,
        _Vcf(folder / "tgt.vcf.gz", "tgt", point.n_samples, "/") as target,
    ):
        for number in range(point.pieces):
            positions, alleles = piece(folder, number)
            share = alleles[:, :panel].mean(axis=1)
            share = np.minimum(share, 1 - share)
            sites = np.flatnonzero(share > 0)
            sites = np.sort(rng.permutation(sites)[: round(point.ref_per_mb * PIECE_MB)])
            array = sites[share[sites] >= ARRAY_MAF]
            array = np.sort(rng.permutation(array)[: round(point.array_per_mb * PIECE_MB)])
            at = positions + number * PIECE_MB * 1_000_000
            ref.write(at[sites], alleles[sites, :panel])
            target.write(at[array], alleles[array, -people:])
            counts["n_ref_variants"] += len(sites)
            counts["n_variants"] += len(array)
    return counts


class _Vcf:
    """A gzipped VCF file that is written in blocks of sites."""

    def __init__(self, path: Path, prefix: str, people: int, separator: str) -> None:
        self._path, self._people, self._separator, self._prefix = path, people, separator, prefix

    def __enter__(self) -> Self:
        out = self._path.open("wb")
        self._gzip = subprocess.Popen(["gzip", "-1"], stdin=subprocess.PIPE, stdout=out)
        out.close()
        names = "\t".join(f"{self._prefix}{i}" for i in range(self._people))
        self._send(
            "##fileformat=VCFv4.2\n##contig=<ID=1>\n"
            '##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">\n'
            f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n".encode()
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._gzip.stdin is not None
        self._gzip.stdin.close()
        self._gzip.wait()

    def _send(self, content: bytes) -> None:
        assert self._gzip.stdin is not None
        self._gzip.stdin.write(content)

    def write(self, positions: np.ndarray, alleles: np.ndarray) -> None:
        """Append sites: positions (n,), alleles (n, haplotypes)."""
        for start in range(0, len(positions), 2000):
            block = alleles[start : start + 2000]
            cells = np.empty((len(block), self._people, 4), dtype=np.uint8)
            cells[:, :, 0] = ord("\t")
            cells[:, :, 1] = block[:, ::2] + ord("0")
            cells[:, :, 2] = ord(self._separator)
            cells[:, :, 3] = block[:, 1::2] + ord("0")
            for at, row in zip(positions[start : start + 2000], cells, strict=True):
                self._send(f"1\t{at}\t.\tA\tC\t.\tPASS\t.\tGT".encode() + row.tobytes() + b"\n")


def impute(folder: Path, point: Point, *, collector: str, xmx_mb: int) -> dict[str, float | str]:
    """Run Beagle once; return exit code, peak, times and what its log says."""
    argv = [
        *("java", COLLECTORS[collector], "-Xms8m", f"-Xmx{xmx_mb}m", "-jar", str(JAR)),
        *(f"ref={folder / 'ref.vcf.gz'}", f"gt={folder / 'tgt.vcf.gz'}", f"out={folder / 'out'}"),
        *(f"nthreads={point.n_threads}", f"burnin={point.burnin_iterations}", f"iterations={point.main_iterations}"),
        *(f"window={point.window_cm:g}", "overlap=2.0"),
    ]
    used, done = measured(argv)
    return {
        "exit_code": used.pop("exit_code"),
        "oom": int("OutOfMemoryError" in done.stderr + done.stdout),
        **used,
        "n_windows": len(re.findall(r"^Window \d+", done.stdout, re.MULTILINE)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--design", choices=("panels", "large"), default="panels")
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--last", type=int, default=63)
    parser.add_argument("--gc", choices=COLLECTORS, default="serial")
    parser.add_argument("--xmx", type=int, default=12_288, help="MiB")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    table = options.out / "runs.csv"
    done = set()
    if table.exists():
        with table.open() as file:
            done = {row["run_id"] for row in csv.DictReader(file)}
    points = large(256) if options.design == "large" else design(1 << options.last.bit_length())
    for point in points[options.first : options.last + 1]:
        run_id = f"p{point.number:03d}-{options.gc}-{options.xmx}"
        if run_id in done:
            continue
        sizes = write_inputs(options.out, point)
        row = {
            "run_id": run_id,
            "n_threads": point.n_threads,
            "burnin_iterations": point.burnin_iterations,
            "main_iterations": point.main_iterations,
            "window_cm": point.window_cm,
            **sizes,
            "n_ref_samples": point.n_ref_samples,
            "n_samples": point.n_samples,
            "segment_mb": point.pieces * PIECE_MB,
            "ref_gz_mb": round((options.out / "ref.vcf.gz").stat().st_size / 2**20, 2),
            "tgt_gz_mb": round((options.out / "tgt.vcf.gz").stat().st_size / 2**20, 3),
            "xmx_mb": options.xmx,
            "xms_mb": 8,
            "gc": options.gc,
            **impute(options.out, point, collector=options.gc, xmx_mb=options.xmx),
        }
        fresh = not table.exists()
        with table.open("a", newline="") as file:
            writer = csv.DictWriter(file, row)
            if fresh:
                writer.writeheader()
            writer.writerow(row)
        print(run_id, row["peak_rss_mb"], "MB", row["cpu_s"], "s CPU", flush=True)


if __name__ == "__main__":
    main()
