"""Other managers' locks as requirement lines that uv installs: every package with its version and its hashes."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement, Requirement

from gauntlet.manifests import normalised
from gauntlet.tables import items, strings, table, text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

# Groups that a project's own code and tests do not need.
_DOCUMENTATION = frozenset(["doc", "docs", "documentation", "sphinx"])


class LockError(ValueError):
    """A lock file is not in its own format."""


@dataclass(frozen=True, slots=True)
class LockedRequirements:
    """Lines for a requirement file; `hashed` where every line has hashes, so that they can be insisted on."""

    lines: tuple[str, ...]
    hashed: bool


def from_poetry(
    lock: str, environment: Mapping[str, str], roots: Collection[str], extras: Collection[str] = ()
) -> LockedRequirements:
    """The packages of a poetry.lock that this environment (PEP 508 variables) needs.

    Poetry 2 writes each package's groups and marker; before, a package's marker stood with those who ask for it, unless
    the manifest itself does (`roots`, normalised names). What the project's `extras` ask for is needed too.

    Raises:
        LockError: it is no poetry.lock.
    """
    packages = _packages(lock)
    legacy_files = table(_parsed(lock), "metadata", "files")
    needed = _wanted_by_others(packages, environment) | set(roots)
    chosen = [
        package
        for package in packages
        if not _only_documentation(package)
        and any(_holds(package, {**environment, "extra": extra}) for extra in ("", *extras))
        and ("groups" in package or _name(package) in needed)
    ]
    return _lines(chosen, legacy_files)


def from_pdm(lock: str, environment: Mapping[str, str]) -> LockedRequirements:
    """The packages of a pdm.lock that this environment needs.

    Raises:
        LockError: it is no pdm.lock.
    """
    chosen = [p for p in _packages(lock) if not _only_documentation(p) and _applies(p.get("marker"), environment)]
    # An extra of a package is a second entry of the same version.
    return _lines(list({(_name(p), str(p.get("version"))): p for p in chosen}.values()), {})


def _lines(packages: list[dict[str, Any]], legacy_files: Mapping[str, Any]) -> LockedRequirements:
    lines: list[str] = []
    hashed = True
    for package in packages:
        name, version = text(package.get("name")), text(package.get("version"))
        if name is None or version is None:
            raise LockError("a package without name or version")
        origin = _origin(package)
        if origin == "":
            continue  # a folder of this source: it is on the import path
        files = items(package.get("files")) or items(legacy_files.get(name))
        hashes = sorted({digest for file in files if (digest := text(table(file).get("hash")))})
        hashed = hashed and bool(hashes) and origin is None
        pinned = f"{name} @ {origin}" if origin else f"{name}=={version}"
        lines.append(" ".join([pinned, *(f"--hash={digest}" for digest in hashes if origin is None)]))
    return LockedRequirements(tuple(sorted(lines)), hashed)


def _origin(package: dict[str, Any]) -> str | None:
    """A direct reference's address; None for a registry's package, "" for a local folder."""
    source = table(package.get("source"))
    kind, url = source.get("type"), text(source.get("url"))
    if kind == "git" and url:
        return f"git+{url}@{source.get('resolved_reference') or source.get('reference')}"
    if kind == "url" and url:
        return url
    if kind in {"directory", "file"} or text(package.get("path")):
        return ""
    git, revision = text(package.get("git")), text(package.get("revision"))
    return f"git+{git}@{revision}" if git else text(package.get("url")) if revision is None else None


def _wanted_by_others(packages: list[dict[str, Any]], environment: Mapping[str, str]) -> frozenset[str]:
    """Names that are nobody's dependency, or one whose marker holds for at least one of those who ask."""
    asked: dict[str, list[bool]] = {}
    for package in packages:
        for name, edges in table(package.get("dependencies")).items():
            for edge in items(edges) or (edges,):
                marker = table(edge).get("markers")
                asked.setdefault(normalised(name) or name, []).append(_applies(marker, environment))
    return frozenset(_name(package) for package in packages if any(asked.get(_name(package), [True])))


def _holds(package: dict[str, Any], environment: Mapping[str, str]) -> bool:
    """Poetry 2's own marker: a string, or one a group; any of them that holds is enough."""
    by_group = table(package, "markers")
    if by_group:
        return any(_applies(marker, environment) for marker in by_group.values())
    return _applies(package.get("markers"), environment)


def _applies(marker: object, environment: Mapping[str, str]) -> bool:
    written = text(marker)
    if written is None:
        return True
    try:
        return Marker(written).evaluate(dict(environment))
    except InvalidMarker as error:
        raise LockError(f"the marker {written!r} is none") from error


def _only_documentation(package: dict[str, Any]) -> bool:
    groups = strings(package.get("groups"))
    return bool(groups) and set(groups) <= _DOCUMENTATION


def _packages(lock: str) -> list[dict[str, Any]]:
    found = items(_parsed(lock).get("package"))
    return [table(package) for package in found]


def _parsed(lock: str) -> dict[str, Any]:
    try:
        return tomllib.loads(lock)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise LockError(str(error)) from None


def _name(package: dict[str, Any]) -> str:
    return normalised(str(package.get("name"))) or ""


def poetry_requirements(pyproject: Mapping[str, Any], groups: Collection[str]) -> tuple[str, ...]:
    """PEP 508 lines for what `[tool.poetry]` asks for, with these groups: where there is no lock to follow."""
    poetry = table(dict(pyproject), "tool", "poetry")
    tables = [table(poetry, "dependencies"), table(poetry, "dev-dependencies") if "dev" in groups else {}]
    tables += [table(poetry, "group", group, "dependencies") for group in sorted(groups)]
    lines = [line for part in tables for name, wanted in part.items() if (line := _requirement(name, wanted))]
    return tuple(dict.fromkeys(lines))


def _requirement(name: str, wanted: object) -> str | None:
    if name.lower() == "python":
        return None
    detail = {"version": wanted} if isinstance(wanted, str) else table(wanted)
    if detail.get("optional") or "path" in detail:
        return None
    extras = f"[{','.join(strings(detail.get('extras')))}]" if detail.get("extras") else ""
    marker = f" ; {detail['markers']}" if text(detail.get("markers")) else ""
    if git := text(detail.get("git")):
        revision = text(detail.get("rev")) or text(detail.get("tag")) or text(detail.get("branch"))
        line = f"{name}{extras} @ git+{git}{f'@{revision}' if revision else ''}{marker}"
    else:
        line = f"{name}{extras}{specifier(text(detail.get('version')) or '*')}{marker}"
    try:
        return str(Requirement(line))
    except InvalidRequirement as error:
        raise LockError(f"{name}: {wanted!r} is no requirement") from error


def specifier(constraint: str) -> str:
    """A poetry version constraint as a PEP 440 specifier: carets, tildes, wildcards and bare versions spelled out."""
    parts = [_part(part.strip()) for part in constraint.split(",")]
    return ",".join(part for part in parts if part)


def _part(part: str) -> str:
    if part in {"", "*"}:
        return ""
    if part[0] == "^":
        return _below(part[1:].strip(), _caret)
    if part[0] == "~" and not part.startswith("~="):
        return _below(part[1:].strip(), _tilde)
    return part.replace(" ", "") if part[0] in "<>=!~" else f"=={part}"


def _caret(numbers: list[int]) -> int:
    """The place of the first number that is not zero: it must not change."""
    return next((place for place, number in enumerate(numbers) if number), len(numbers) - 1)


def _tilde(numbers: list[int]) -> int:
    return min(1, len(numbers) - 1)


def _below(version: str, held: Callable[[list[int]], int]) -> str:
    numbers = [int(number) for number in version.split(".")[:3] if number.isdigit()]
    if not numbers:
        raise LockError(f"{version!r} is no version")
    place = held(numbers)
    upper = [*numbers[:place], numbers[place] + 1]
    return f">={version},<{'.'.join(map(str, upper))}"
