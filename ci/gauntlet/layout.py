"""Where the implementation is: source roots, top-level names and every importable module."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from gauntlet.manifests import Facts
    from gauntlet.project import Layout

# Top-level folders of a flat layout that hold no implementation (setuptools' FlatLayoutPackageFinder has this list;
# `tools`, `util`, `utils` and `python` are left in, since applications use them for real code).
NOT_IMPLEMENTATION = frozenset(
    {"ci", "bin", "scripts", "debian", "build", "dist", "site", "notebooks", "migrations", "alembic", "htmlcov"}
    | {"doc", "docs", "documentation", "manpages", "news", "newsfragments", "changelog"}
    | {"test", "tests", "testing", "unit_test", "unit_tests", "spec", "specs", "fixtures"}
    | {"example", "examples", "samples", "exercise", "exercises", "benchmark", "benchmarks"}
)
# Top-level files that configure a tool; importing them proves nothing.
TOOL_FILES = frozenset(
    ("setup", "conftest", "noxfile", "fabfile", "dodo", "versioneer", "gunicorn_conf", "locustfile", "pavement")
)
TEST_FOLDERS = frozenset({"test", "tests", "testing"})
# Folders without __init__.py below a package that hold files to copy, or other people's packages, not modules.
DATA_FOLDERS = frozenset(
    {"template", "templates", "static", "data", "fixture", "fixtures", "testdata", "resources", "assets", "snippets"}
    | {"_vendor", "vendor", "_vendored", "vendored"}
)


@dataclass(frozen=True, slots=True)
class Sources:
    """The implementation below one manifest's folder; paths relative to the whole source's root."""

    layout: Layout = "none"
    roots: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    modules: dict[str, str] = field(default_factory=dict[str, str])
    reason: str = ""


def sources_below(folder: str, paths: Iterable[str], facts: Facts) -> Sources:
    """Find the modules of the project whose manifest is in `folder` ("" for the root) among its Python files."""
    prefix = f"{folder}/" if folder else ""
    below = dict.fromkeys(
        path.removeprefix(prefix) for path in paths if path.startswith(prefix) and path.endswith(".py")
    )
    if facts.packages:
        return _explicit_packages(prefix, below, facts)
    roots, reason = _roots(below, facts)
    modules: dict[str, str] = {}
    for root in roots:
        modules |= _modules_in(root, below, facts)
    if not modules:
        return Sources()
    layout: Layout = "flat" if roots == (".",) else "src"
    return Sources(
        layout=layout,
        roots=tuple(_joined(prefix, root) for root in roots),
        names=_top_names(modules),
        modules={name: prefix + path for name, path in modules.items()},
        reason=reason,
    )


def _roots(below: Collection[str], facts: Facts) -> tuple[tuple[str, ...], str]:
    told = tuple(root for root in dict.fromkeys(facts.roots) if root == "." or _any_below(root, below))
    if told:
        return told, f"the build backend is told that packages are in {', '.join(told)}"
    if _any_below("src", below) and "src/__init__.py" not in below:
        return ("src",), "src/ holds Python files and is no package itself"
    return (".",), "packages are beside the manifest"


def _any_below(root: str, below: Collection[str]) -> bool:
    return any(path.startswith(f"{root}/") for path in below)


def _is_there(package: str, below: Collection[str]) -> bool:
    return any(path == f"{package}.py" or path.startswith(f"{package}/") for path in below)


def _explicit_packages(prefix: str, below: Collection[str], facts: Facts) -> Sources:
    modules: dict[str, str] = {}
    roots: list[str] = []
    for told in facts.packages:
        # flit names the module alone and looks beside the manifest and in src/ (flit_core.common.Module).
        package = told if _is_there(told, below) or not _is_there(f"src/{told}", below) else f"src/{told}"
        root, _, name = package.rpartition("/")
        root = root or "."
        if root not in roots and _is_there(package, below):
            roots.append(root)
        start = len(root) + 1 if root != "." else 0
        for path in below:
            inside = path == f"{package}.py" or path.startswith(f"{package}/")
            if (
                inside
                and (module := _module(path[start:], below, root))
                and module.partition(".")[0] == name.strip(".")
            ):
                modules[module] = path
    if not modules:
        return Sources()
    return Sources(
        layout="flat" if roots == ["."] else "src",
        roots=tuple(_joined(prefix, root) for root in roots),
        names=_top_names(modules),
        modules={name: prefix + path for name, path in _sorted(modules).items()},
        reason=f"the build backend packages {', '.join(facts.packages)}",
    )


def _modules_in(root: str, below: Collection[str], facts: Facts) -> dict[str, str]:
    start = "" if root == "." else f"{root}/"
    found: dict[str, str] = {}
    for path in below:
        if not path.startswith(start):
            continue
        inner = path[len(start) :]
        if root == "." and not _is_flat_implementation(inner, below, facts):
            continue
        if name := _module(inner, below, root):
            found[name] = path
    if root == "." and not found:
        found = {
            path[:-3]: path
            for path in below
            if "/" not in path and path[:-3].isidentifier() and not _is_tool_or_test(path)
        }
    return _sorted(found)


def _is_flat_implementation(path: str, below: Collection[str], facts: Facts) -> bool:
    """Is a file of a flat layout part of it: below a top-level package, or a module that the manifest lists?"""
    top, slash, _ = path.partition("/")
    if not slash:
        return top.removesuffix(".py") in facts.py_modules
    wanted = (facts.name or "").replace("-", "_").lower()
    if top in NOT_IMPLEMENTATION and top != wanted:
        return False
    return f"{top}/__init__.py" in below or top.lower() == wanted


def _module(inner: str, below: Collection[str], root: str) -> str | None:
    """The dotted name of a file below a root; None for tests, scripts and files that only get copied."""
    parts = inner.removesuffix(".py").split("/")
    folders, last = parts[:-1], parts[-1]
    if last == "__main__" or _is_tool_or_test(inner) or TEST_FOLDERS & set(folders):
        return None
    if not all(part.isidentifier() for part in parts):
        return None
    start = "" if root == "." else f"{root}/"
    for depth, folder in enumerate(folders):
        path = start + "/".join(folders[: depth + 1])
        if folder in DATA_FOLDERS and f"{path}/__init__.py" not in below:
            return None
    return ".".join(folders) or None if last == "__init__" else ".".join(parts)


def _is_tool_or_test(path: str) -> bool:
    stem = path.rpartition("/")[2].removesuffix(".py")
    at_top = "/" not in path
    return stem == "conftest" or stem.startswith("test_") or stem.endswith("_test") or (at_top and stem in TOOL_FILES)


def _joined(prefix: str, root: str) -> str:
    return (prefix.rstrip("/") or ".") if root == "." else prefix + root


def _top_names(modules: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name.partition(".")[0] for name in modules}))


def _sorted(modules: dict[str, str]) -> dict[str, str]:
    return dict(sorted(modules.items(), key=lambda item: (item[0].count("."), item[0])))
