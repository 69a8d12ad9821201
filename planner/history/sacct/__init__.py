"""Readers of sacct output, and what became of each attempt."""
