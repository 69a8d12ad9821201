"""Readers of tables, Nextflow traces and Snakemake benchmarks."""
