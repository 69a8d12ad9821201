"""Recorded resource use of earlier jobs: readers and the store."""
