"""A folder of OSV advisories (ossf.github.io/osv-schema): which of them hold for a package's version.

Needs `packaging`, so it runs with the Python of a pack that has it.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from packaging.version import InvalidVersion, Version

from gauntlet_checks.pins import normalised

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Advisory = dict[str, Any]
ECOSYSTEM = "PyPI"
SNAPSHOT = "snapshot.json"
_LOWEST = Version("0.dev0")
_KEYS = ("introduced", "fixed", "last_affected")


@dataclass(slots=True)
class Advisories:
    """Advisories by normalised package name; `damaged` are the files that are none, `as_of` the snapshot's time."""

    by_package: dict[str, list[Advisory]] = field(default_factory=dict[str, list[Advisory]])
    count: int = 0
    damaged: list[str] = field(default_factory=list[str])
    as_of: datetime | None = None

    def affecting(self, name: str, version: str) -> list[Advisory]:
        """The advisories that hold for this version, with the package's name normalised as pip-audit compares it."""
        wanted = normalised(name)
        return [_renamed(found) for found in self.by_package.get(wanted, []) if affects(found, wanted, version)]


def load(folder: Path) -> Advisories:
    """Read every .json file below `folder`, and those inside .zip files (OSV's own form of publication)."""
    found = Advisories()
    newest: datetime | None = None
    stated: datetime | None = None
    for name, text in _documents(folder):
        try:
            document = json.loads(text)
            if name.rpartition("/")[2] == SNAPSHOT:
                stated = moment(document["date"])
                continue
            modified = moment(document["modified"])
            _file(found, document)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            found.damaged.append(name)
            continue
        newest = max(newest, modified) if newest else modified
    found.as_of = stated or newest
    return found


def affects(advisory: Advisory, name: str, version: str) -> bool:
    """Does the advisory hold for this version? By its list of versions, or by its ranges."""
    if advisory.get("withdrawn"):
        return False
    for affected in advisory["affected"]:
        if not _concerns(affected, name):
            continue
        if version in affected.get("versions", []) or _same_version(affected.get("versions", []), version):
            return True
        ranges = [found for found in affected.get("ranges", []) if found.get("type") in {"ECOSYSTEM", "SEMVER"}]
        if any(in_range(found["events"], version) for found in ranges):
            return True
    return False


def in_range(events: list[dict[str, str]], version: str) -> bool:
    """Is the version inside? Events in version order switch it on (introduced) and off (fixed, after last_affected).

    A version that is none by PEP 440 is inside: better a false alarm than a silent pass.
    """
    asked = _version(version)
    if asked is None:
        return True
    inside = False
    for at, kind in sorted(_ordered(events), key=lambda entry: entry[0]):
        if kind == "introduced" and at <= asked:
            inside = True
        elif (kind == "fixed" and at <= asked) or (kind == "last_affected" and at < asked):
            inside = False
    return inside


def moment(text: str) -> datetime:
    """An RFC 3339 time; a bare date is its midnight, UTC."""
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _ordered(events: list[dict[str, str]]) -> Iterator[tuple[Version, str]]:
    for event in events:
        for kind in _KEYS:
            if kind in event:
                at = _LOWEST if event[kind] == "0" else _version(event[kind])
                # An end that cannot be understood ends nothing.
                if at is not None:
                    yield at, kind


def _documents(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".json" and path.is_file():
            yield name, path.read_text(encoding="utf-8", errors="replace")
        elif path.suffix == ".zip" and path.is_file():
            with zipfile.ZipFile(path) as archive:
                for entry in sorted(archive.namelist()):
                    if entry.endswith(".json"):
                        yield f"{name}/{entry}", archive.read(entry).decode("utf-8", "replace")


def _file(found: Advisories, document: Advisory) -> None:
    names = {
        normalised(affected["package"]["name"])
        for affected in document["affected"]
        if affected.get("package", {}).get("ecosystem") == ECOSYSTEM
    }
    if not isinstance(document["id"], str):
        raise TypeError("an advisory's id is text")
    found.count += bool(names)
    for name in names:
        found.by_package.setdefault(name, []).append(document)


def _concerns(affected: dict[str, Any], name: str) -> bool:
    package = affected.get("package", {})
    return package.get("ecosystem") == ECOSYSTEM and normalised(package["name"]) == name


def _same_version(versions: list[str], version: str) -> bool:
    asked = _version(version)
    return asked is not None and any(_version(listed) == asked for listed in versions)


def _version(text: str) -> Version | None:
    try:
        return Version(text)
    except InvalidVersion:
        return None


def _renamed(advisory: Advisory) -> Advisory:
    copy = cast("Advisory", json.loads(json.dumps(advisory)))
    for affected in copy["affected"]:
        package = affected.get("package", {})
        if package.get("ecosystem") == ECOSYSTEM:
            package["name"] = normalised(package["name"])
    return copy
