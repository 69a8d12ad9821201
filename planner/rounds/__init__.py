"""Submitting a plan and reading back what became of it."""
