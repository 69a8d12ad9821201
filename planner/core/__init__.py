"""Errors, units, records, genomes, files and configuration, used by all other parts."""
