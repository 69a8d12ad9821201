"""Bash scripts made from a plan."""
