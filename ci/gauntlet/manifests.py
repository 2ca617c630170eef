"""What Python manifests say: pyproject.toml of every build backend, setup.cfg, setup.py and requirement files."""

from __future__ import annotations

import ast
import configparser
import re
import tomllib
from dataclasses import dataclass
from typing import Any

from gauntlet.tables import items, strings, table, text

_NAME = re.compile(r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)")
_HASH = re.compile(r"--hash[= ]")


class ManifestError(ValueError):
    """A manifest is not in its own format."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one manifest declares. Names of dependencies are normalised as PEP 503 says.

    `roots` and `packages` are what the build backend is told: source roots and package paths, relative to the
    manifest. `hints` are tools that have a table of their own (`uv`, `poetry`, `pdm`). `declares` is False for a
    pyproject.toml that only configures tools.
    """

    declares: bool = True
    name: str | None = None
    requires_python: str | None = None
    dependencies: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    installable: bool = False
    roots: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    py_modules: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    excluded_members: tuple[str, ...] = ()


def normalised(requirement: str) -> str | None:
    """The PEP 503 name at the front of a requirement line; None where there is none."""
    match = _NAME.match(requirement)
    return re.sub(r"[-_.]+", "-", match[1]).lower() if match else None


def read_pyproject(toml: str) -> Facts:
    """Facts of a pyproject.toml: PEP 621 with any backend, and poetry's own tables.

    Raises:
        ManifestError: it is no TOML.
    """
    try:
        data = tomllib.loads(toml)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ManifestError(str(error)) from None
    project, tool = table(data, "project"), table(data, "tool")
    poetry, workspace = table(tool, "poetry"), table(tool, "uv", "workspace")
    extras = table(project, "optional-dependencies") or table(poetry, "extras")
    roots, packages, modules = _backend_roots(tool)
    return Facts(
        declares=bool(project or poetry or "build-system" in data),
        name=text(project.get("name")) or text(poetry.get("name")),
        requires_python=text(project.get("requires-python")) or _poetry_python(poetry),
        dependencies=_names(strings(project.get("dependencies")) + _optional(data, poetry)),
        extras=tuple(extras),
        groups=_groups(data, tool),
        installable="build-system" in data,
        roots=roots,
        packages=packages,
        py_modules=modules,
        hints=tuple(name for name in ("uv", "poetry", "pdm") if name in tool),
        members=strings(workspace.get("members")),
        excluded_members=strings(workspace.get("exclude")),
    )


def _groups(data: dict[str, Any], tool: dict[str, Any]) -> tuple[str, ...]:
    poetry, pdm = table(tool, "poetry"), table(tool, "pdm")
    names = [*table(data, "dependency-groups"), *table(poetry, "group"), *table(pdm, "dev-dependencies")]
    if "dev-dependencies" in table(tool, "uv") or "dev-dependencies" in poetry:
        names.append("dev")
    return tuple(dict.fromkeys(names))


def _optional(data: dict[str, Any], poetry: dict[str, Any]) -> tuple[str, ...]:
    """Requirements of every extra and group, and poetry's dependency tables."""
    tool = table(data, "tool")
    lists = [
        *table(data, "project", "optional-dependencies").values(),
        *table(data, "dependency-groups").values(),
        *table(tool, "pdm", "dev-dependencies").values(),
        table(tool, "uv").get("dev-dependencies"),
    ]
    names = [item for value in lists for item in strings(value)]
    tables = [table(poetry, "dependencies"), table(poetry, "dev-dependencies")]
    tables += [table(group, "dependencies") for group in table(poetry, "group").values()]
    return (*names, *(name for table in tables for name in table if name.lower() != "python"))


def _backend_roots(tool: dict[str, Any]) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Source roots, package paths and single modules that the build backend is told about."""
    roots: list[str] = []
    packages: list[str] = []
    setuptools = table(tool, "setuptools")
    root = table(setuptools, "package-dir").get("")
    roots += [root] if isinstance(root, str) else []
    found = table(setuptools, "packages", "find")
    roots += strings(found.get("where"))
    if not roots:
        packages += [name.replace(".", "/") for name in strings(setuptools.get("packages"))]
    hatch = table(tool, "hatch", "build", "targets", "wheel")
    packages += strings(hatch.get("packages"))
    roots += strings(hatch.get("sources"))
    for item in items(table(tool, "poetry").get("packages")):
        include, below = text(table(item).get("include")), text(table(item).get("from"))
        packages += ["/".join(part for part in (below, include) if part)] if include and "*" not in include else []
    uv = text(table(tool, "uv", "build-backend").get("module-root"))
    pdm = text(table(tool, "pdm", "build").get("package-dir"))
    roots += [root for root in (uv, pdm) if root]
    flit = text(table(tool, "flit", "module").get("name"))
    packages += [flit] if flit else []
    tidy = [path.strip("/").removeprefix("./") for path in packages]
    return tuple(_clean(root) for root in roots), tuple(tidy), strings(setuptools.get("py-modules"))


def _poetry_python(poetry: dict[str, Any]) -> str | None:
    """Poetry's python constraint as PEP 440: carets and tildes spelled out; None where it can't be said."""
    written = table(poetry, "dependencies").get("python")
    if not isinstance(written, str) or "||" in written or "*" in written:
        return None
    return ",".join(_poetry_part(part.strip()) for part in written.split(",") if part.strip()) or None


def _poetry_part(part: str) -> str:
    match = re.fullmatch(r"([\^~])\s*(\d+)(?:\.(\d+))?(?:\.(\d+))?", part)
    if match is None:
        return part if re.match(r"[<>=!]", part) else f"=={part}.*"
    sign, major, minor, _ = match.groups()
    lower = part[1:].strip()
    upper = f"{major}.{int(minor) + 1}" if sign == "~" and minor else f"{int(major) + 1}"
    return f">={lower},<{upper}"


def read_setup_cfg(cfg: str) -> Facts:
    """Facts of a setup.cfg's `[metadata]` and `[options]`.

    Raises:
        ManifestError: it is no INI file.
    """
    ini = read_ini(cfg)
    extras = list(ini["options.extras_require"]) if ini.has_section("options.extras_require") else []
    lists = [ini.get("options.extras_require", extra, fallback="") for extra in extras]
    lists += [ini.get("options", key, fallback="") for key in ("install_requires", "tests_require")]
    roots = [
        line.partition("=")[2].strip()
        for line in ini.get("options", "package_dir", fallback="").splitlines()
        if line.strip().startswith("=")
    ]
    where = ini.get("options.packages.find", "where", fallback="")
    return Facts(
        declares=ini.has_section("metadata") or ini.has_section("options"),
        name=ini.get("metadata", "name", fallback=None),
        requires_python=ini.get("options", "python_requires", fallback=None),
        dependencies=_names(tuple(line for value in lists for line in value.splitlines() if "#" not in line[:1])),
        extras=tuple(extras),
        installable=ini.has_section("options"),
        roots=tuple(_clean(root) for root in [*roots, *([where] if where else [])]),
        py_modules=tuple(ini.get("options", "py_modules", fallback="").split()),
    )


def read_ini(written: str) -> configparser.ConfigParser:
    """An INI file without interpolation.

    Raises:
        ManifestError: it is no INI file.
    """
    ini = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        ini.read_string(written)
    except configparser.Error as error:
        raise ManifestError(str(error).replace("\n", " ")) from None
    return ini


def read_setup_py(python: str) -> Facts:
    """Facts of the literal arguments of a setup.py's `setup(...)`; what it computes stays unknown.

    Raises:
        ManifestError: it is no Python.
    """
    try:
        tree = ast.parse(python)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise ManifestError(str(error)) from None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _called(node) == "setup"]
    given = {word.arg: _literal(word.value) for call in calls for word in call.keywords if word.arg}
    extras = table(given, "extras_require")
    root = table(given, "package_dir").get("")
    lists = [given.get("install_requires"), given.get("tests_require"), *extras.values()]
    return Facts(
        declares=bool(calls),
        name=text(given.get("name")),
        requires_python=text(given.get("python_requires")),
        dependencies=_names(tuple(item for value in lists for item in strings(value))),
        extras=tuple(str(name) for name in extras),
        installable=bool(calls),
        roots=(_clean(root),) if isinstance(root, str) else (),
        packages=tuple(name.replace(".", "/") for name in strings(given.get("packages"))) if not root else (),
        py_modules=strings(given.get("py_modules")),
    )


def read_requirements(lines: str) -> tuple[tuple[str, ...], bool]:
    """Normalised names in a requirement file, and whether it pins hashes (then it is a lock)."""
    joined = re.sub(r"\\\r?\n", " ", lines)
    asked = (line.split(" #")[0].strip() for line in joined.splitlines())
    return _names(tuple(line for line in asked if line and line[0] not in "#-")), bool(_HASH.search(joined))


def _called(node: ast.Call) -> str:
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None


def _names(requirements: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({name for requirement in requirements if (name := normalised(requirement))}))


def _clean(root: str) -> str:
    return root.strip().removeprefix("./").strip("/") or "."
