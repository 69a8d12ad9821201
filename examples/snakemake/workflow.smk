# Phase, impute and score: by chromosome, by chunk, by chromosome. Each job asks for its own memory (docs/pipelines.md).
#
#   snakemake -s workflow.smk --executor slurm --jobs 100 --retries 3     # the first run: the defaults below
#
# Between runs, one command records what the last run used and writes what the next one asks for:
#
#   chromplan export --to snakemake --overhead 300M --import 'benchmarks/{rule}/chr{chromosome}.tsv' \
#     --import 'benchmarks/{rule}/chr{chromosome}.{start}-{end}.tsv'
#
# chromplan_resources.py must lie here before the first run: 'chromplan export --to snakemake' writes it, or take it from
# chromplan's folder templates/.
from chromplan_resources import chromplan

CHROMOSOMES = {"20": 64_444_167, "21": 46_709_983, "22": 50_818_468}
CHUNK = 20_000_000


def chunks(chrom):
    starts = range(1, CHROMOSOMES[chrom] + 1, CHUNK)
    return [f"{start}-{min(start + CHUNK - 1, CHROMOSOMES[chrom])}" for start in starts]


rule all:
    input:
        expand("scored/chr{chrom}.txt", chrom=CHROMOSOMES),


rule phase:
    input:
        "input/chr{chrom}.vcf.gz",
    output:
        "phased/chr{chrom}.vcf.gz",
    benchmark:
        "benchmarks/phase/chr{chrom}.tsv"
    threads: chromplan("phase", "threads", default=2)
    resources:
        mem_mb=chromplan("phase", default=4000),
        runtime=chromplan("phase", "runtime", default=240),
    shell:
        "beagle -Xmx{resources.mem_mb}m gt={input} out=phased/chr{wildcards.chrom} nthreads={threads}"


rule impute:
    input:
        "phased/chr{chrom}.vcf.gz",
    output:
        "imputed/chr{chrom}.{start}-{end}.vcf.gz",
    benchmark:
        "benchmarks/impute/chr{chrom}.{start}-{end}.tsv"
    resources:
        # a chunk that is not known itself asks for what its chromosome does
        mem_mb=chromplan("impute", default=6000),
        runtime=chromplan("impute", "runtime", default=240),
    shell:
        "beagle -Xmx{resources.mem_mb}m gt={input} ref=panel/chr{wildcards.chrom}.bref3"
        " chrom={wildcards.chrom}:{wildcards.start}-{wildcards.end}"
        " out=imputed/chr{wildcards.chrom}.{wildcards.start}-{wildcards.end}"


rule score:
    input:
        lambda wildcards: expand(
            "imputed/chr{chrom}.{chunk}.vcf.gz", chrom=wildcards.chrom, chunk=chunks(wildcards.chrom)
        ),
    output:
        "scored/chr{chrom}.txt",
    benchmark:
        "benchmarks/score/chr{chrom}.tsv"
    resources:
        mem_mb=chromplan("score", default=1000),
        runtime=chromplan("score", "runtime", default=60),
    shell:
        "score.sh {input} > {output}"
