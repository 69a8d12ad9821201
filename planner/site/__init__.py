"""A cluster as the planner needs to know it: partitions, nodes, limits and policies, read from a TOML file."""

from planner.site.file import dumps, find, load, loads, names
from planner.site.local import local_site
from planner.site.model import Account, Adjusted, Partition, Site

__all__ = [
    "Account",
    "Adjusted",
    "Partition",
    "Site",
    "dumps",
    "find",
    "load",
    "loads",
    "local_site",
    "names",
]
