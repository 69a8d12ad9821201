"""Descriptions of clusters: partitions, nodes, limits and policies, read from TOML files."""

from planner.site.compare import Difference, compare
from planner.site.detect import COMMANDS, detect, query
from planner.site.file import LOCAL, dumps, files, find, load, load_for, loads, names
from planner.site.local import local_site
from planner.site.model import Site
from planner.site.partition import Account, Partition
from planner.site.request import Adjusted

__all__ = [
    "COMMANDS",
    "LOCAL",
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
    "load_for",
    "loads",
    "local_site",
    "names",
    "query",
]
