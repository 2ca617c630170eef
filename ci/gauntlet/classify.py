"""From a list of paths and the text of a few manifests to a `Project`; pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from gauntlet.layout import sources_below
from gauntlet.locks import for_tests, is_requirements, locks_among, requirements_among
from gauntlet.manifests import Facts, ManifestError, read_pyproject, read_setup_cfg, read_setup_py
from gauntlet.migrations import migrations_among
from gauntlet.project import Manager, Manifest, Project, ServiceName, TypeScript
from gauntlet.pytest_settings import read_pytest_settings
from gauntlet.suites import roots_of, tests_among
from gauntlet.tables import table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

IGNORED = frozenset(
    {".git", ".hg", ".svn", ".venv", "node_modules", ".gauntlet", "__pycache__", ".tox", ".nox", ".eggs"}
    | {".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis"}
)
# So many manifests of members, conftest.py and package.json files are read at most: more is a generator's monorepo.
MANY = 60
DEPTH = 4
# setup.py last: what it says is only what is literal, so the others' answers win.
_READERS = {"pyproject.toml": read_pyproject, "setup.cfg": read_setup_cfg, "setup.py": read_setup_py}
_PYTEST_FILES = frozenset({"pytest.ini", ".pytest.ini", "tox.ini"})
_CLIENTS: dict[ServiceName, frozenset[str]] = {
    "postgres": frozenset(
        {"asyncpg", "psycopg", "psycopg-binary", "psycopg-c", "psycopg-pool", "psycopg2", "psycopg2-binary"}
        | {"pg8000", "aiopg", "pgvector", "procrastinate"}
    ),
    "redis": frozenset({"redis", "aioredis", "hiredis", "coredis", "rq", "arq", "redis-om", "django-redis"}),
}
_SPECIFICATION = ("specification", "spec", "specs")
_INTEGRATION = ("integration", "integration_test", "integrationtest")
_KUBERNETES = frozenset({"k8s", "kubernetes", "manifests", "deploy", "kustomize", "helm", "charts"})


def ignored(path: str) -> bool:
    """Is a path inside a folder that no stage looks at?"""
    return bool(IGNORED & set(path.split("/")[:-1]))


def manifests_among(paths: Sequence[str]) -> tuple[str, ...]:
    """The few files that `classify` wants to read, in a stable order."""
    root = [path for path in paths if path in _READERS or path in _PYTEST_FILES]
    requirements = [path for path in paths if is_requirements(path)]
    near = [path for path in paths if path.count("/") < DEPTH and not ignored(path)]
    by_name = {
        name: [path for path in near if path.rpartition("/")[2] == name]
        for name in ("conftest.py", "pyproject.toml", "package.json")
    }
    return tuple(dict.fromkeys(path for part in (root, requirements, *by_name.values()) for path in part[:MANY]))


def classify(paths: Sequence[str], texts: Mapping[str, str]) -> Project:
    """Make the project of a tree out of its paths (relative, POSIX) and the texts of `manifests_among` them."""
    files = tuple(sorted(path for path in paths if not ignored(path)))
    read = _read_manifests(texts)
    root = _merged([read.facts[name] for name in _READERS if name in read.facts])
    members = _members(root, read.facts)
    nested = _nested(files, members)
    own = tuple(path for path in files if not _in_any(path, nested))
    project = Project(
        files=files,
        name=root.name,
        python_files=tuple(path for path in files if path.endswith((".py", ".pyi"))),
        migrations=migrations_among(own),
        typescript=_typescript(files, texts),
        dockerfiles=tuple(path for path in files if _is_dockerfile(path.rpartition("/")[2])),
        openapi=tuple(path for path in files if _is_openapi(path.rpartition("/")[2].lower())),
        kubernetes=tuple(path for path in files if _is_kubernetes(path)),
        nested=nested,
        # Broken manifests below a nested project are mostly somebody's test data.
        problems=tuple(problem for problem in read.problems if not _in_any(problem, nested)),
    )
    if nested:
        project.reasons["nested"] = "these folders have a manifest of their own and are no workspace members"
    project = _with_sources(project, own, root, {member: _member_facts(member, read) for member in members})
    project = _with_dependencies(project, own, root, [_member_facts(member, read) for member in members], texts)
    return _with_tests(project, own, texts)


@dataclass(slots=True)
class _Read:
    """The manifests' facts by path, and those that could not be read."""

    facts: dict[str, Facts] = field(default_factory=dict[str, Facts])
    problems: list[str] = field(default_factory=list[str])


def _read_manifests(texts: Mapping[str, str]) -> _Read:
    read = _Read()
    for path, text in texts.items():
        reader = _READERS.get(path.rpartition("/")[2])
        if reader is None:
            continue
        try:
            read.facts[path] = reader(text)
        except ManifestError as error:
            read.problems.append(f"{path}: {error}")
    return read


def _merged(parts: Sequence[Facts]) -> Facts:
    """What several manifests of one folder say together; the first that answers a question wins."""
    if not parts:
        return Facts(declares=False)
    first = parts[0]
    for part in parts[1:]:
        first = replace(
            first,
            declares=first.declares or part.declares,
            name=first.name or part.name,
            requires_python=first.requires_python or part.requires_python,
            dependencies=tuple(sorted({*first.dependencies, *part.dependencies})),
            extras=tuple(dict.fromkeys((*first.extras, *part.extras))),
            installable=first.installable or part.installable,
            roots=first.roots or part.roots,
            packages=first.packages or part.packages,
            py_modules=first.py_modules or part.py_modules,
        )
    return first


def _member_facts(member: str, read: _Read) -> Facts:
    return read.facts.get(f"{member}/pyproject.toml", Facts())


def _members(root: Facts, facts: Mapping[str, Facts]) -> tuple[str, ...]:
    """Folders of a uv workspace's members: those with a manifest that its globs name."""
    folders = sorted(path.removesuffix("/pyproject.toml") for path in facts if path.endswith("/pyproject.toml"))
    return tuple(
        folder
        for folder in folders
        if any(_glob(folder, pattern) for pattern in root.members)
        and not any(_glob(folder, pattern) for pattern in root.excluded_members)
    )


def _glob(folder: str, pattern: str) -> bool:
    pattern = pattern.strip("/").removeprefix("./")
    return fnmatchcase(folder, pattern) and ("**" in pattern or folder.count("/") == pattern.count("/"))


def _nested(files: Sequence[str], members: Sequence[str]) -> tuple[str, ...]:
    """Folders with their own manifest; a package (with __init__.py) that has a setup.py is part of its parent."""
    known = set(files)
    found = {
        folder
        for folder, slash, name in (path.rpartition("/") for path in files)
        if slash and name in {"pyproject.toml", "setup.py"} and folder not in members
        if f"{folder}/__init__.py" not in known
    }
    return tuple(sorted(folder for folder in found if not _in_any(folder, found - {folder})))


def _in_any(path: str, folders: Iterable[str]) -> bool:
    return any(path.startswith(f"{folder}/") for folder in folders)


def _with_sources(project: Project, own: Sequence[str], root: Facts, members: Mapping[str, Facts]) -> Project:
    python = [path for path in own if path.endswith(".py")]
    sources = [
        sources_below("", [path for path in python if not _in_any(path, members)], root),
        *(sources_below(member, python, facts) for member, facts in members.items()),
    ]
    modules = {name: path for source in sources for name, path in source.modules.items()}
    first = next((source for source in sources if source.modules), sources[0])
    if first.reason:
        project.reasons["layout"] = first.reason
    return replace(
        project,
        layout=first.layout,
        source_roots=tuple(dict.fromkeys(path for source in sources for path in source.roots)),
        import_names=tuple(sorted({name for source in sources for name in source.names})),
        modules=tuple(modules),
        module_files=modules,
        manifests=_manifests(own, tuple(members)),
    )


def _manifests(own: Sequence[str], members: Sequence[str]) -> tuple[Manifest, ...]:
    kinds = {"pyproject.toml": "pyproject", "setup.cfg": "setup.cfg", "setup.py": "setup.py"}
    paths = tuple(f"{member}/pyproject.toml" for member in members)
    found = [Manifest(path, kind, paths if kind == "pyproject" else ()) for path, kind in kinds.items() if path in own]
    found += [Manifest(path, "pyproject") for path in paths]
    found += [Manifest(path, "requirements") for path in own if is_requirements(path)]
    found += [Manifest(path, "package.json") for path in own if path.rpartition("/")[2] == "package.json"]
    return tuple(found)


def _with_dependencies(
    project: Project, own: Sequence[str], root: Facts, members: Sequence[Facts], texts: Mapping[str, str]
) -> Project:
    requirements = requirements_among(own, texts)
    names = {*root.dependencies, *requirements.names, *(name for facts in members for name in facts.dependencies)}
    manager, project.reasons["manager"] = _manager(own, root, bool(requirements.install))
    clients = {service: sorted(known & names) for service, known in _CLIENTS.items() if known & names}
    for service, found in clients.items():
        project.reasons[f"services.{service}"] = f"a manifest asks for {', '.join(found)}"
    return replace(
        project,
        manager=manager,
        installable=root.installable,
        requires_python=root.requires_python,
        dependencies=tuple(sorted(names)),
        extras=root.extras,
        groups=root.groups,
        test_extras=tuple(name for name in root.extras if for_tests(name)),
        test_groups=tuple(name for name in root.groups if for_tests(name)),
        requirements=requirements.install,
        test_requirements=requirements.for_tests,
        locks=(*locks_among(own), *requirements.locks),
        services=tuple(clients),
    )


def _manager(own: Sequence[str], root: Facts, has_requirements: bool) -> tuple[Manager, str]:
    locks: dict[str, Manager] = {"uv.lock": "uv", "poetry.lock": "poetry", "pdm.lock": "pdm"}
    for path, manager in locks.items():
        if path in own:
            return manager, f"{path} is at the root"
    tables: dict[str, Manager] = {"uv": "uv", "poetry": "poetry", "pdm": "pdm"}
    for hint in root.hints:
        return tables[hint], f"pyproject.toml has a [tool.{hint}] table and there is no lock file"
    if root.declares:
        return "pip", "there is a manifest and no lock file of uv, poetry or pdm"
    if has_requirements:
        return "pip", "there are requirement files and no manifest"
    return "none", "there is no manifest and no requirement file"


def _with_tests(project: Project, own: Sequence[str], texts: Mapping[str, str]) -> Project:
    settings = read_pytest_settings(texts)
    tests = tests_among([path for path in own if path.endswith(".py")], settings)
    if tests and settings.testpaths:
        project.reasons["tests"] = f"testpaths in {settings.source}"
    elif tests:
        project.reasons["tests"] = f"files called {' or '.join(settings.python_files)}"
    return replace(
        project,
        tests=tests,
        test_roots=roots_of(tests, settings),
        specification_marker=next((name for name in _SPECIFICATION if name in settings.markers), None),
        integration_marker=next((name for name in _INTEGRATION if name in settings.markers), None),
        markers=settings.markers,
    )


def _typescript(files: Sequence[str], texts: Mapping[str, str]) -> tuple[TypeScript, ...]:
    roots = sorted(path.removesuffix("package.json").rstrip("/") for path in files if _is_package_json(path))
    found: list[TypeScript] = []
    for root in roots:
        prefix = f"{root}/" if root else ""
        deeper = tuple(other for other in roots if other != root and other.startswith(prefix))
        sources = tuple(
            path
            for path in files
            if path.startswith(prefix)
            and path.endswith((".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs"))
            and not _in_any(path, deeper)
        )
        if sources:
            manager = _node_manager(files, prefix)
            found.append(TypeScript(root or ".", manager, sources, _scripts(texts.get(f"{prefix}package.json", ""))))
    return tuple(found)


def _is_package_json(path: str) -> bool:
    return path.rpartition("/")[2] == "package.json"


def _node_manager(files: Sequence[str], prefix: str) -> Literal["npm", "pnpm", "yarn"]:
    if f"{prefix}pnpm-lock.yaml" in files:
        return "pnpm"
    return "yarn" if f"{prefix}yarn.lock" in files else "npm"


def _scripts(text: str) -> tuple[str, ...]:
    try:
        return tuple(sorted(table(json.loads(text), "scripts")))
    except (ValueError, RecursionError):
        return ()


def _is_dockerfile(name: str) -> bool:
    return name in {"Dockerfile", "Containerfile"} or name.startswith("Dockerfile.") or name.endswith(".Dockerfile")


def _is_openapi(name: str) -> bool:
    return bool(re.fullmatch(r"(?:[\w-]+[.-])?(?:openapi|swagger)(?:[.-][\w-]+)?\.(?:ya?ml|json)", name))


def _is_kubernetes(path: str) -> bool:
    *folders, name = path.lower().split("/")
    if name in {"kustomization.yaml", "kustomization.yml", "chart.yaml"}:
        return True
    return name.endswith((".yaml", ".yml")) and bool(_KUBERNETES & set(folders))
