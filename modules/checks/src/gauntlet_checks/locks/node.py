"""package-lock.json, pnpm-lock.yaml and yarn.lock."""

from __future__ import annotations

import json
import re
from typing import Any

from gauntlet_checks.locks.facts import Checked, Problem, Tree, UnreadableError, line_of, table

SECTIONS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
RELOCK = {"npm": "npm install --package-lock-only", "pnpm": "pnpm install --lockfile-only", "yarn": "yarn install"}


def check_npm(tree: Tree, path: str, manifest: str) -> Checked:
    """Compare package-lock.json's record of the root and its workspaces with their package.json files."""
    lock = json_of(tree, path)
    checked = Checked(path, manifest)
    packages = table(lock, "packages")
    for place, package in packages.items():
        name = place.rpartition("node_modules/")[2]
        if "node_modules/" in place and not table(package).get("link"):
            checked.packages.setdefault(name, []).append(str(table(package).get("version", "")))
    if not packages:  # lockfileVersion 1 keeps no record of the manifest
        checked.packages = {name: [str(table(p).get("version"))] for name, p in table(lock, "dependencies").items()}
        checked.problems += _absent(tree, manifest, checked, "npm")
        return checked
    folder = manifest.rpartition("/")[0]
    for place, record in packages.items():
        if "node_modules/" in place:
            continue
        own = "/".join(part for part in (folder, place, "package.json") if part)
        if not tree.has(own):
            message = f"the lock describes {own}, which is not there"
            checked.problems.append(Problem("stale", path, 1, message, RELOCK["npm"]))
            continue
        checked.problems += _compare(tree, own, table(record), checked)
    return checked


def check_pnpm(tree: Tree, path: str, manifest: str) -> Checked:
    """Compare the root importer's specifiers in pnpm-lock.yaml with package.json."""
    text = tree.text(path)
    specifiers, packages = _pnpm(text)
    checked = Checked(path, manifest, packages)
    asked = asked_for(json_of(tree, manifest), SECTIONS[:3])
    checked.asked = list(asked)
    manifest_text = tree.text(manifest)
    for name, wanted in asked.items():
        if specifiers.get(name) != wanted:
            found = specifiers.get(name)
            message = f"{name} {wanted} is asked for and {'not locked' if found is None else f'locked for {found}'}"
            problem = Problem("stale", manifest, line_of(manifest_text, name), message, RELOCK["pnpm"])
            checked.problems.append(problem)
    return checked


def check_yarn(tree: Tree, path: str, manifest: str) -> Checked:
    """Every `name@range` that package.json asks for has an entry in yarn.lock (version 1 or berry)."""
    checked = Checked(path, manifest)
    entries: set[str] = set()
    current: list[str] = []
    for line in tree.text(path).splitlines():
        if line and not line.startswith((" ", "#")) and line.endswith(":"):
            current = [part.strip().strip('"') for part in line[:-1].strip('"').split(",")]
            entries |= {re.sub(r"@(npm|patch|workspace):", "@", part) for part in current}
        elif match := re.match(r'  version:? "?([^"]+)"?$', line):
            for name in {part.rpartition("@")[0].partition("@npm:")[0] for part in current}:
                checked.packages.setdefault(name, []).append(match[1])
    asked = asked_for(json_of(tree, manifest), SECTIONS[:3])
    checked.asked = list(asked)
    text = tree.text(manifest)
    checked.problems += [
        Problem("stale", manifest, line_of(text, name), f"{name}@{wanted} is asked for and not locked", RELOCK["yarn"])
        for name, wanted in asked.items()
        if f"{name}@{wanted}" not in entries
    ]
    return checked


def _compare(tree: Tree, manifest: str, record: dict[str, Any], checked: Checked) -> list[Problem]:
    data, text = json_of(tree, manifest), tree.text(manifest)
    problems: list[Problem] = []
    for section in SECTIONS:
        asked, locked = table(data, section), table(record, section)
        checked.asked += list(asked)
        for name in [*asked, *(name for name in locked if name not in asked)]:
            if asked.get(name) == locked.get(name):
                continue
            line = line_of(text, name)
            if name not in locked:
                message = f"{name} {asked[name]} is asked for and not locked"
            elif name not in asked:
                message = f"{name} was locked and is no longer asked for in {section}"
            else:
                message = f"{name} {asked[name]} is asked for and the lock is for {locked[name]}"
            problems.append(Problem("stale", manifest, line, message, RELOCK["npm"]))
    return problems


def _absent(tree: Tree, manifest: str, checked: Checked, kind: str) -> list[Problem]:
    asked = asked_for(json_of(tree, manifest), SECTIONS[:3])
    checked.asked = list(asked)
    text = tree.text(manifest)
    return [
        Problem("missing", manifest, line_of(text, name), f"{name} is asked for and not locked", RELOCK[kind])
        for name in asked
        if name not in checked.packages
    ]


def asked_for(data: dict[str, Any], sections: tuple[str, ...]) -> dict[str, str]:
    """Ranges by package name, of these sections of a package.json."""
    return {name: str(wanted) for section in sections for name, wanted in table(data, section).items()}


def _pnpm(text: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """The root's specifiers and the packages of a pnpm-lock.yaml; a subset of YAML that pnpm writes itself."""
    specifiers: dict[str, str] = {}
    packages: dict[str, list[str]] = {}
    path: list[str] = []
    for line in text.splitlines():
        match = re.match(r"^( *)('[^']+'|[^\s:#][^:]*):(?: (.*))?$", line)
        if not match:
            continue
        depth = len(match[1]) // 2
        name, value = match[2].strip("'"), (match[3] or "").strip("'\"")
        path = [*path[:depth], name]
        if path[:1] == ["packages"] and len(path) == 2:  # noqa: PLR2004 - packages: name@version
            package, _, version = name.lstrip("/").rpartition("@")
            packages.setdefault(package, []).append(version.partition("(")[0])
        inner = path[2:] if path[:2] == ["importers", "."] else path
        if len(inner) == 3 and inner[0] in SECTIONS and inner[2] == "specifier":  # noqa: PLR2004
            specifiers[inner[1]] = value
    return specifiers, packages


def json_of(tree: Tree, path: str) -> dict[str, Any]:
    """A JSON file's object. Raises UnreadableError."""
    try:
        return table(json.loads(tree.text(path)))
    except (ValueError, RecursionError) as error:
        raise UnreadableError(path, f"{path} is no JSON: {error}") from error
