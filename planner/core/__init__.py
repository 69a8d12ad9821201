"""Errors, units, records, genomes, files and configuration: what every other part rests on."""
