"""Requirements compared by meaning: markers over the machines there are, versions by PEP 440."""

from __future__ import annotations

from functools import cache
from itertools import product
from typing import Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

_PYTHONS = tuple(f"3.{minor}.{patch}" for minor in range(8, 16) for patch in (0, 9))
_SYSTEMS = (
    ("linux", "posix", "Linux", "x86_64"),
    ("linux", "posix", "Linux", "aarch64"),
    ("darwin", "posix", "Darwin", "arm64"),
    ("win32", "nt", "Windows", "AMD64"),
)
_IMPLEMENTATIONS = (("cpython", "CPython"), ("pypy", "PyPy"))
Key = tuple[str, frozenset[str], str, frozenset[tuple[str, ...]]]


def canonical(name: str) -> str:
    """A package's name as PEP 503 writes it."""
    return str(canonicalize_name(name))


def parsed(text: str) -> Requirement:
    """A PEP 508 requirement.

    Raises:
        ValueError: it is none.
    """
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        raise ValueError(f"{text!r} is no requirement: {error}") from error


def key(requirement: Requirement, extra: str = "") -> Key:
    """What makes two requirements the same: name, extras, versions, and the machines (and extra) that they hold on."""
    specifier = ",".join(sorted(str(part) for part in requirement.specifier))
    marker = str(requirement.marker) if requirement.marker else ""
    if extra:
        marker = f"({marker}) and extra == {extra!r}" if marker else f"extra == {extra!r}"
    return canonical(requirement.name), frozenset(requirement.extras), specifier, machines(marker, extra)


def locked_key(row: dict[str, Any]) -> Key:
    """The same for a row of uv.lock's `requires-dist`."""
    specifier = ",".join(sorted(str(part) for part in SpecifierSet(row.get("specifier", ""))))
    marker = str(row.get("marker", ""))
    extra = marker.partition("extra == '")[2].partition("'")[0]
    return canonical(str(row["name"])), frozenset(row.get("extras", [])), specifier, machines(marker, extra)


@cache
def machines(marker: str, extra: str = "") -> frozenset[tuple[str, ...]]:
    """The machines, out of a grid of them, on which a marker holds.

    Raises:
        ValueError: it is no marker.
    """
    try:
        condition = Marker(marker) if marker else None
    except InvalidMarker as error:
        raise ValueError(f"{marker!r} is no marker: {error}") from error
    found: set[tuple[str, ...]] = set()
    for python, system, implementation in product(_PYTHONS, _SYSTEMS, _IMPLEMENTATIONS):
        for asked in {"", extra}:
            environment = _environment(python, system, implementation) | {"extra": asked}
            if condition is None or condition.evaluate(environment):
                found.add((python, *system, *implementation, asked))
    return frozenset(found)


def _environment(python: str, system: tuple[str, ...], implementation: tuple[str, str]) -> dict[str, str]:
    platform, os_name, name, machine = system
    return {
        "python_version": python.rpartition(".")[0],
        "python_full_version": python,
        "sys_platform": platform,
        "os_name": os_name,
        "platform_system": name,
        "platform_machine": machine,
        "implementation_name": implementation[0],
        "platform_python_implementation": implementation[1],
        "implementation_version": python,
        "platform_release": "",
        "platform_version": "",
    }


def same_pythons(one: list[str], other: str) -> bool:
    """Whether the intersection of the specifiers `one` admits the same Pythons as `other`.

    Raises:
        ValueError: one of them is no specifier.
    """
    try:
        wanted, locked = [SpecifierSet(text) for text in one], SpecifierSet(other)
    except InvalidSpecifier as error:
        raise ValueError(str(error)) from error
    pythons = [f"3.{minor}.{patch}" for minor in range(5, 20) for patch in range(25)] + ["2.7.18", "4.0.0"]
    return all(all(part.contains(p) for part in wanted) == locked.contains(p) for p in pythons)


def satisfied(requirement: Requirement, versions: list[str]) -> bool:
    """Whether one of the versions fits; a direct reference's version is its own affair."""
    if requirement.url:
        return bool(versions)
    try:
        return any(requirement.specifier.contains(Version(version), prereleases=True) for version in versions)
    except InvalidVersion:
        return False
