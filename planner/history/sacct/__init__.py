"""Parsing of sacct output, and the outcome of each attempt."""
