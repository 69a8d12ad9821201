"""Site files: finding, reading and writing them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from planner.core.documents import parse_toml, read_text
from planner.core.errors import InputError, nearest
from planner.core.files import shipped
from planner.core.toml import toml_value
from planner.site.local import local_site
from planner.site.model import Site
from planner.site.partition import Partition

LOCAL = "local"


def folders() -> list[Path]:
    """Return the folders of site files in order of precedence: the project's, the user's, the bundled ones."""
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return [
        Path("site_configs"),
        Path(home).expanduser() / "chromplan" / "sites",
        shipped("site_configs"),
    ]


def files() -> dict[str, Path]:
    """Return every site file by the site's name, sorted by name."""
    found: dict[str, Path] = {}
    for folder in reversed(folders()):
        found |= {path.stem: path for path in folder.glob("*.toml")}
    return dict(sorted(found.items()))


def names() -> list[str]:
    """Return the names that `load` knows, ``local`` (this machine) first."""
    return [LOCAL, *files()]


def find(name: str) -> Path:
    """Return the file of the site of that name.

    Raises
    ------
    InputError
        When there is none; the hint names similar ones.
    """
    known = files()
    if name not in known:
        near = nearest(name, [LOCAL, *known])
        meant = f"did you mean {' or '.join(near)}? " if near else ""
        raise InputError(
            f"unknown site {name!r}", f"{meant}'chromplan site list' shows all; a file is given with its path"
        )
    return known[name]


def load(name_or_path: str | Path) -> Site:
    """Return a site: ``local`` (this machine), a name from `names`, or the path of a site file.

    Raises
    ------
    InputError
        When there is no such site; names file, line or field when the file is wrong.
    """
    text = str(name_or_path)
    if text == LOCAL:
        return local_site()
    if "/" in text or text.endswith(".toml"):
        path = Path(text).expanduser()
        return loads(read_text(path, hint="'chromplan site list' shows the sites there are"), path=path)
    path = find(text)
    site = loads(read_text(path, hint="make the file readable"), path=path)
    if site.name != text:
        raise InputError(f"{path}: name: {site.name!r} is not the name of the file", f'write name = "{text}"')
    return site


def load_for(folder: Path, named: str) -> Site:
    """Return a site as a project names it: a relative path, and ``site_configs/``, lie in the project's folder."""
    if "/" in named or named.endswith(".toml"):
        return load(folder / Path(named).expanduser())
    own = folder / "site_configs" / f"{named}.toml"
    return load(own if own.is_file() else named)


def loads(text: str, *, path: Path | str = "<site>") -> Site:
    """Read a site from TOML text; ``path`` is named in errors."""
    return parse_toml(text, Site, path=path)


def dumps(site: Site) -> str:
    """Return a site as TOML that `loads` reads back identically; fields that were not set are left out."""
    values = site.model_dump(exclude_unset=True, exclude_none=True)
    del values["partitions"]
    account = values.pop("account", None)
    blocks = [_table(values)]
    if account:
        blocks.append("[account]\n" + _table(account))
    blocks += ["[[partitions]]\n" + _table(_partition(partition, site)) for partition in site.partitions]
    return "\n\n".join(blocks) + "\n"


def _partition(partition: Partition, site: Site) -> dict[str, object]:
    values = partition.model_dump(exclude_unset=True, exclude_none=True, exclude={"headroom_mb"})
    return values if partition.headroom_mb == site.headroom_mb else values | {"headroom_mb": partition.headroom_mb}


def _table(values: Mapping[str, object]) -> str:
    return "\n".join(f"{key} = {toml_value(value)}" for key, value in values.items())
