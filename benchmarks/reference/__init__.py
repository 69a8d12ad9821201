"""Rivals and baselines that benchmarks and tests compare with; not shipped."""
