"""uv.lock, poetry.lock, pdm.lock and pinned requirement files."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from typing import TYPE_CHECKING, Any

from gauntlet_checks.locks.facts import Checked, Problem, Tree, UnreadableError, line_of, rows, table
from gauntlet_checks.locks.requirement import Key, canonical, key, locked_key, parsed, same_pythons, satisfied

if TYPE_CHECKING:
    from collections.abc import Iterable

    from packaging.requirements import Requirement

RELOCK = {"uv": "uv lock", "poetry": "poetry lock", "pdm": "pdm lock", "pip": "pip-compile --generate-hashes"}
# poetry.packages.locker.Locker, Poetry 1.0 to 2.5.
_POETRY_LEGACY = ("dependencies", "source", "extras", "dev-dependencies")
_POETRY_PROJECT = ("requires-python", "dependencies", "optional-dependencies")


def check_uv(tree: Tree, path: str, manifests: list[str]) -> Checked:
    """Compare uv.lock with the manifests of its workspace, the root's first."""
    lock = toml_of(tree, path)
    packages = [table(package) for package in rows(lock.get("package"))]
    checked = Checked(path, manifests[0] if manifests else None, _versions(packages))
    own = {canonical(str(p["name"])): p for p in packages if set(table(p, "source")) & {"editable", "virtual"}}
    pythons: list[str] = []
    for manifest in manifests:
        text = tree.text(manifest)
        data = _parsed(manifest, text)
        project = table(data, "project")
        if "name" not in project:
            continue
        if "requires-python" in project:
            pythons.append(str(project["requires-python"]))
        asked = list(manifest_requirements(manifest, data))
        checked.asked += [canonical(requirement.name) for _, requirement in asked]
        package = own.get(canonical(str(project["name"])))
        if package is None:
            message = f"the lock does not know {project['name']}, which this manifest describes"
            checked.problems.append(Problem("stale", manifest, line_of(text, "name"), message, RELOCK["uv"]))
        elif "dependencies" in rows(project.get("dynamic")):
            checked.remark = f"{manifest} computes its dependencies, so that they cannot be compared"
        else:
            checked.problems += _compare_uv(manifest, text, asked, package)
        checked.problems += _unsatisfied(manifest, text, [r for _, r in asked], checked.packages, own)
    if pythons and not _same(path, pythons, str(lock.get("requires-python", ""))):
        line = line_of(tree.text(manifests[0]), "requires-python")
        message = f"requires-python is {' and '.join(pythons)}, the lock is for {lock.get('requires-python')}"
        checked.problems.append(Problem("python", manifests[0], line, message, RELOCK["uv"]))
    return checked


def check_poetry(tree: Tree, path: str, manifest: str) -> Checked:
    """Compare poetry.lock with its manifest by poetry's own content hash."""
    lock, text = toml_of(tree, path), tree.text(manifest)
    data = _parsed(manifest, text)
    packages = [table(package) for package in rows(lock.get("package"))]
    poetry = table(data, "tool", "poetry")
    names = [canonical(name) for name in poetry_names(poetry)]
    names += [canonical(requirement.name) for _, requirement in manifest_requirements(manifest, data)]
    checked = Checked(path, manifest, _versions(packages), asked=names)
    written = table(lock, "metadata").get("content-hash")
    if written not in poetry_hashes(data):
        message = "the manifest has changed since it was locked (the lock's content-hash is another one)"
        checked.problems.append(Problem("stale", manifest, 1, message, RELOCK["poetry"]))
    checked.problems += [
        Problem("missing", manifest, line_of(text, name), f"{name} is asked for and not locked", RELOCK["poetry"])
        for name in dict.fromkeys(names)
        if name not in checked.packages
    ]
    return checked


def check_pdm(tree: Tree, path: str, manifest: str) -> Checked:
    """Compare pdm.lock with its manifest by pdm's own content hash."""
    lock, text = toml_of(tree, path), tree.text(manifest)
    data = _parsed(manifest, text)
    requirements = [requirement for _, requirement in manifest_requirements(manifest, data)]
    packages = [table(package) for package in rows(lock.get("package"))]
    names = [canonical(requirement.name) for requirement in requirements]
    checked = Checked(path, manifest, _versions(packages), asked=names)
    written = str(table(lock, "metadata").get("content_hash", "")).removeprefix("sha256:")
    if written not in pdm_hashes(data):
        message = "the manifest has changed since it was locked (the lock's content_hash is another one)"
        checked.problems.append(Problem("stale", manifest, 1, message, RELOCK["pdm"]))
    checked.problems += _unsatisfied(manifest, text, requirements, checked.packages, {})
    return checked


def check_pip(tree: Tree, path: str, manifest: str | None) -> Checked:
    """Every line of a requirement file is pinned, and all that its .in file or manifest asks for is among them."""
    pins = requirement_lines(tree, path, set())
    checked = Checked(path, manifest)
    for place, line, requirement in pins:
        name = canonical(requirement.name)
        exact = [
            part.version for part in requirement.specifier if part.operator in {"==", "==="} and "*" not in part.version
        ]
        checked.packages.setdefault(name, []).extend(exact or ([str(requirement.url)] if requirement.url else []))
        if not exact and not requirement.url:
            message = f"{requirement} is not pinned to one version"
            checked.problems.append(Problem("unpinned", place, line, message, RELOCK["pip"]))
    if manifest is None:
        return checked
    text = tree.text(manifest)
    if manifest.endswith(".toml"):
        data = _parsed(manifest, text)
        wanted = [requirement for group, requirement in manifest_requirements(manifest, data) if group == ""]
    else:
        wanted = [requirement for _, _, requirement in requirement_lines(tree, manifest, set())]
    checked.asked = [canonical(requirement.name) for requirement in wanted]
    checked.problems += _unsatisfied(manifest, text, wanted, checked.packages, {}, "pip")
    return checked


def poetry_hashes(data: dict[str, Any]) -> set[str]:
    """The content hashes that Poetry's versions give a manifest."""
    project = {name: value for name in _POETRY_PROJECT if (value := table(data, "project").get(name)) is not None}
    poetry, groups = table(data, "tool", "poetry"), table(data, "dependency-groups")
    hashes: set[str] = set()
    for with_groups in ({}, groups):
        modern = bool(project or with_groups)
        relevant: dict[str, Any] = {
            name: poetry.get(name)
            for name in (*_POETRY_LEGACY, "group")
            if poetry.get(name) is not None or (name in _POETRY_LEGACY and not modern)
        }
        content = relevant
        if modern:
            content = {"project": project} if project else {}
            content |= {"dependency-groups": with_groups} if with_groups else {}
            content["tool"] = {"poetry": relevant}
        hashes.add(_digest(content))
    return hashes


def pdm_hashes(data: dict[str, Any]) -> set[str]:
    """The content hashes that pdm's versions give a manifest."""
    project, pdm = table(data, "project"), table(data, "tool", "pdm")
    groups: dict[str, list[Any]] = {}
    for name, wanted in [*table(data, "dependency-groups").items(), *table(pdm, "dev-dependencies").items()]:
        groups.setdefault(canonical(name), []).extend(wanted)
    content: dict[str, Any] = {
        "sources": pdm.get("source", []),
        "dependencies": project.get("dependencies", []),
        "dev-dependencies": groups,
        "optional-dependencies": project.get("optional-dependencies", {}),
        "requires-python": project.get("requires-python", ""),
        "resolution": pdm.get("resolution", {}),
    }
    older = {name: value for name, value in content.items() if name != "resolution"}
    older["overrides"] = table(pdm, "resolution", "overrides")
    # Before dependency groups were a standard, pdm knew only its own.
    oldest = {**older, "dev-dependencies": table(pdm, "dev-dependencies")}
    return {_digest(content), _digest(older), _digest(oldest)}


def _compare_uv(
    manifest: str, text: str, asked: list[tuple[str, Requirement]], package: dict[str, Any]
) -> list[Problem]:
    """What the manifest says and the lock's record of it does not, and the reverse."""
    record = table(package, "metadata")
    locked: dict[tuple[str, Key], dict[str, Any]] = {
        ("", locked_key(row)): row for row in rows(record.get("requires-dist"))
    }
    for group, requirements in table(record, "requires-dev").items():
        locked |= {(group, locked_key(row)): row for row in rows(requirements)}
    wanted: dict[tuple[str, Key], Requirement] = {}
    for group, requirement in asked:
        extra = group.partition("extra:")[2]
        wanted["" if extra or not group else group, key(requirement, extra)] = requirement
    problems = [
        Problem(
            "stale", manifest, line_of(text, requirement.name), f"{requirement} is not what was locked", RELOCK["uv"]
        )
        for place, requirement in wanted.items()
        if place not in locked
    ]
    named = {canonical(requirement.name) for requirement in wanted.values()}
    problems += [
        Problem("stale", manifest, 1, f"{row['name']} was locked and is no longer asked for", RELOCK["uv"])
        for place, row in locked.items()
        if place not in wanted and canonical(str(row["name"])) not in named
    ]
    return problems


def manifest_requirements(manifest: str, data: dict[str, Any]) -> Iterable[tuple[str, Requirement]]:
    """(place, requirement) of a pyproject.toml: place is "", `extra:NAME` or a dependency group's name."""
    project, groups = table(data, "project"), table(data, "dependency-groups")
    pairs = [("", text) for text in rows(project.get("dependencies"))]
    for extra, wanted in table(project, "optional-dependencies").items():
        pairs += [(f"extra:{canonical(extra)}", text) for text in rows(wanted)]
    by_name = {canonical(name): wanted for name, wanted in groups.items()}
    for group in by_name:
        pairs += [(group, text) for text in _group(by_name, group, ())]
    for text in rows(table(data, "tool", "uv").get("dev-dependencies")):
        pairs.append(("dev", text))
    for group, wanted in table(data, "tool", "pdm", "dev-dependencies").items():
        pairs += [(canonical(group), text) for text in rows(wanted)]
    for place, text in pairs:
        try:
            yield place, parsed(str(text).removeprefix("-e ").strip())
        except ValueError as error:
            raise UnreadableError(manifest, str(error)) from error


def _group(groups: dict[str, Any], name: str, seen: tuple[str, ...]) -> list[str]:
    """A dependency group's requirements, included groups among them (PEP 735)."""
    if name in seen:
        return []
    found: list[str] = []
    for item in rows(groups.get(name)):
        if isinstance(item, str):
            found.append(item)
        elif included := table(item).get("include-group"):
            found += _group(groups, canonical(str(included)), (*seen, name))
    return found


def _unsatisfied(
    manifest: str,
    text: str,
    wanted: list[Requirement],
    packages: dict[str, list[str]],
    own: dict[Any, Any],
    kind: str = "uv",
) -> list[Problem]:
    problems: list[Problem] = []
    for requirement in wanted:
        name = canonical(requirement.name)
        if name in own:
            continue
        versions = packages.get(name, [])
        line = line_of(text, requirement.name)
        if not versions and requirement.marker is None:
            message = f"{requirement.name} is asked for and not locked"
            problems.append(Problem("missing", manifest, line, message, RELOCK[kind]))
        elif versions and not satisfied(requirement, versions):
            message = f"{requirement} is asked for and {', '.join(versions)} is locked"
            problems.append(Problem("mismatch", manifest, line, message, RELOCK[kind]))
    return problems


def requirement_lines(tree: Tree, path: str, seen: set[str]) -> list[tuple[str, int, Requirement]]:
    """(path, line, requirement) of a requirement file and those that it includes with -r."""
    seen.add(path)
    found: list[tuple[str, int, Requirement]] = []
    for number, line in _logical_lines(tree.text(path)):
        included = re.match(r"(?:-r|--requirement)[ =]?\s*(\S+)", line)
        if included:
            other = "/".join([*path.split("/")[:-1], included[1].removeprefix("./")])
            if other not in seen and tree.has(other):
                found += requirement_lines(tree, other, seen)
        elif line and not line.startswith("-") and not line.startswith((".", "/")):
            text = re.split(r"\s+--hash|\s+--config|\s+#", line)[0].strip()
            try:
                found.append((path, number, parsed(text)))
            except ValueError as error:
                raise UnreadableError(path, f"line {number}: {error}") from error
    return found


def _logical_lines(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    held, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        bare = line.strip() if not line.lstrip().startswith("#") else ""
        if bare.endswith("\\"):
            held += bare[:-1] + " "
            continue
        found.append((start, (held + bare).strip()))
        held, start = "", 0
    return [(number, line) for number, line in found if line]


def poetry_names(poetry: dict[str, Any]) -> list[str]:
    """Names that [tool.poetry] asks for, in all groups."""
    tables = [table(poetry, "dependencies"), table(poetry, "dev-dependencies")]
    tables += [table(group, "dependencies") for group in table(poetry, "group").values()]
    return [name for part in tables for name in part if name.lower() != "python"]


def _versions(packages: list[dict[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for package in packages:
        name = canonical(str(package.get("name")))
        if not set(table(package, "source")) & {"editable", "virtual", "directory"}:
            found.setdefault(name, []).append(str(package.get("version", "")))
    return found


def _same(path: str, pythons: list[str], locked: str) -> bool:
    try:
        return same_pythons(pythons, locked)
    except ValueError as error:
        raise UnreadableError(path, f"requires-python: {error}") from error


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def toml_of(tree: Tree, path: str) -> dict[str, Any]:
    """A TOML file's table. Raises UnreadableError."""
    return _parsed(path, tree.text(path))


def _parsed(path: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise UnreadableError(path, f"{path} is no TOML: {error}") from error
