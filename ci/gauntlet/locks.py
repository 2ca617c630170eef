"""Lock files and requirement files: which there are, and what each is for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gauntlet.manifests import read_requirements
from gauntlet.project import Lock, LockKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LOCKS: dict[str, tuple[LockKind, str]] = {
    "uv.lock": ("uv", "pyproject.toml"),
    "poetry.lock": ("poetry", "pyproject.toml"),
    "pdm.lock": ("pdm", "pyproject.toml"),
    "pylock.toml": ("pylock", "pyproject.toml"),
    "package-lock.json": ("npm", "package.json"),
    "npm-shrinkwrap.json": ("npm", "package.json"),
    "pnpm-lock.yaml": ("pnpm", "package.json"),
    "yarn.lock": ("yarn", "package.json"),
}
_FOR_TESTS = frozenset({"test", "tests", "testing", "dev", "develop", "development", "ci", "check", "qa", "local"})
_RUNTIME = frozenset({"requirements", "base", "main", "prod", "production", "runtime", "app", "core", "common", "all"})
_REQUIREMENTS = re.compile(r"(?:[\w.-]*requirements[\w.-]*|requirements/[\w.-]+)\.(?:txt|in)")


@dataclass(frozen=True, slots=True)
class Requirements:
    """Requirement files of a pip project: what to install, the part of it that is for tests, names, and locks."""

    install: tuple[str, ...] = ()
    for_tests: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    locks: tuple[Lock, ...] = ()


def is_requirements(path: str) -> bool:
    """Is it a requirement file at the root or in requirements/, by its name?"""
    return bool(_REQUIREMENTS.fullmatch(path)) and "constraint" not in path


def for_tests(name: str) -> bool:
    """Does an extra's, group's or requirement file's name say that tests need it?"""
    return bool(_FOR_TESTS & _words(name))


def requirements_among(files: Sequence[str], texts: Mapping[str, str]) -> Requirements:
    """Sort the requirement files: runtime, tests, neither (documentation, linting), and locks."""
    named = [path for path in files if is_requirements(path)]
    sources = {path for path in named if path.endswith(".in")}
    plain = [path for path in named if path not in sources]
    tests = tuple(path for path in plain if for_tests(_stem(path)))
    runtime = tuple(path for path in plain if path not in tests and _words(_stem(path)) <= _RUNTIME)
    names: set[str] = set()
    locks: list[Lock] = []
    for path in named:
        asked, hashed = read_requirements(texts.get(path, ""))
        names.update(asked)
        source = f"{path.removesuffix('.txt')}.in"
        if path in plain and (hashed or source in sources):
            locks.append(Lock(path, "pip", source if source in sources else None))
    return Requirements((*runtime, *tests), tests, tuple(sorted(names)), tuple(locks))


def locks_among(files: Sequence[str]) -> tuple[Lock, ...]:
    """Lock files by their names, each with the manifest beside it."""
    found: list[Lock] = []
    known = set(files)
    for path in files:
        folder, slash, name = path.rpartition("/")
        kind = _LOCKS.get("pylock.toml" if re.fullmatch(r"pylock\.[^.]+\.toml", name) else name)
        if kind:
            manifest = f"{folder}{slash}{kind[1]}"
            found.append(Lock(path, kind[0], manifest if manifest in known else None))
    return tuple(found)


def _stem(path: str) -> str:
    return path.rpartition("/")[2].rpartition(".")[0]


def _words(name: str) -> set[str]:
    return set(re.split(r"[-_.]", name.lower())) - {""}
