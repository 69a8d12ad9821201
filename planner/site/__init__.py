"""Descriptions of clusters: partitions, nodes, limits and policies, read from TOML files."""

from planner.site.compare import Difference, compare
from planner.site.detect import COMMANDS, detect, query
from planner.site.file import dumps, files, find, load, loads, names
from planner.site.local import local_site
from planner.site.model import Account, Adjusted, Partition, Site

__all__ = [
    "COMMANDS",
    "Account",
    "Adjusted",
    "Difference",
    "Partition",
    "Site",
    "compare",
    "detect",
    "dumps",
    "files",
    "find",
    "load",
    "loads",
    "local_site",
    "names",
    "query",
]
