"""Submitting the rounds of a plan, and reading back their results."""
