"""The packages that lock files pin: name and version of each, and what could not be pinned down."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, field
from typing import Any, cast

# PEP 508 name, optional extras, an exact version.
_PINNED = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*={2,3}\s*([^\s;,#*]+)(?=\s|;|$)")
_NAME = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)")
# Sources of uv's, poetry's and PEP 751's locks that are the project's own folders, not packages from elsewhere.
_OWN = frozenset({"editable", "virtual", "directory", "path"})


@dataclass(frozen=True, slots=True)
class Pins:
    """`pinned` are (normalised name, version) pairs, sorted; `unpinned` the names of what has no exact version."""

    pinned: tuple[tuple[str, str], ...] = ()
    unpinned: tuple[str, ...] = ()

    def merged(self, other: Pins) -> Pins:
        """Both together."""
        return Pins(tuple(sorted({*self.pinned, *other.pinned})), tuple(sorted({*self.unpinned, *other.unpinned})))


@dataclass(slots=True)
class _Found:
    pinned: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    unpinned: set[str] = field(default_factory=set[str])

    def add(self, name: str, version: object) -> None:
        if isinstance(version, str) and version:
            self.pinned.add((normalised(name), version))
        else:
            self.unpinned.add(normalised(name))

    def frozen(self) -> Pins:
        return Pins(tuple(sorted(self.pinned)), tuple(sorted(self.unpinned)))


def pins_of(text: str, kind: str) -> Pins:
    """What a lock pins; `kind` is uv, poetry, pdm, pylock (TOML) or pip (a requirements file).

    Raises:
        ValueError: it is no such file.
    """
    if kind == "pip":
        return _of_requirements(text)
    data = tomllib.loads(text)
    packages: object = data.get("packages" if kind == "pylock" else "package", [])
    if not isinstance(packages, list):
        raise ValueError("its packages are no list")  # noqa: TRY004 - one kind of error for a wrong file
    found = _Found()
    for package in cast("list[dict[str, Any]]", packages):
        _add_locked(found, package)
    return found.frozen()


def normalised(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _add_locked(found: _Found, package: dict[str, Any]) -> None:
    if not isinstance(package.get("name"), str):
        raise ValueError("a package has no name")  # noqa: TRY004 - as above
    source = cast("dict[str, object]", package.get("source") or {})
    places = {*package, *source, str(source.get("type", ""))}
    if not places & _OWN:
        found.add(package["name"], package.get("version"))


def _of_requirements(text: str) -> Pins:
    found = _Found()
    for line in text.replace("\\\n", " ").splitlines():
        entry = line.partition(" #")[0].strip()
        if not entry or entry.startswith(("#", "-")):
            continue
        pinned = _PINNED.match(entry)
        name = _NAME.match(entry)
        if pinned:
            found.add(pinned[1], pinned[2])
        elif name:
            found.add(name[1], None)
    return found.frozen()
