"""What the source is: languages, managers, tests, services, migrations; and why we think so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import anyio

from gauntlet.errors import DetectionError

if TYPE_CHECKING:
    import dagger

Manager = Literal["uv", "poetry", "pdm", "pip", "none"]
Layout = Literal["src", "flat", "none"]
TestKind = Literal["unit", "specification", "integration", "other"]
ServiceName = Literal["postgres", "redis"]
LockKind = Literal["uv", "poetry", "pdm", "pylock", "pip", "npm", "pnpm", "yarn"]
MigrationKind = Literal["alembic", "sql"]
# A file is read for detection only up to this many characters; no manifest of a person is longer.
MANIFEST_LIMIT = 1_000_000


@dataclass(frozen=True, slots=True)
class Manifest:
    """A file that declares dependencies.

    `kind` is the format: `pyproject`, `setup.cfg`, `setup.py`, `requirements` or `package.json`. `members` are the
    paths of the manifests of its workspace (uv workspaces), the manifest itself not among them.
    """

    path: str
    kind: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock file, and the manifest that it is resolved from (None: no such file beside it)."""

    path: str
    kind: LockKind
    manifest: str | None = None


@dataclass(frozen=True, slots=True)
class TestFile:
    """A file that pytest collects, by its default patterns or the project's own `python_files`."""

    path: str
    kind: TestKind

    __test__ = False  # pytest must not collect this class


@dataclass(frozen=True, slots=True)
class Migrations:
    """Database migrations: `alembic` (path of alembic.ini) or `sql` (a folder of up and down files).

    `ups` and `downs` are the SQL files in the order of application; both empty for alembic.
    """

    kind: MigrationKind
    path: str
    ups: tuple[str, ...] = ()
    downs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TypeScript:
    """A TypeScript or JavaScript package: the folder of its package.json, its sources, and its package manager."""

    root: str
    manager: Literal["npm", "pnpm", "yarn"]
    files: tuple[str, ...] = ()
    scripts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Project:
    """What a source tree holds. All paths are POSIX and relative to its root, sorted.

    Files of nested projects (folders with a manifest of their own that are no workspace member) are in `files` and
    `python_files`, since linters look at everything, but never in `modules` or `tests`.
    """

    files: tuple[str, ...] = ()
    """Every file of the tree."""
    name: str | None = None
    """The distribution's name as its manifest writes it."""

    python_files: tuple[str, ...] = ()
    """Every .py and .pyi file."""
    manager: Manager = "none"
    """Who installs the project: uv (uv.lock or [tool.uv]), poetry, pdm, pip, or nobody (plain scripts)."""
    layout: Layout = "none"
    source_roots: tuple[str, ...] = ()
    """Folders to put on the import path, `src` or `.`; of every workspace member."""
    import_names: tuple[str, ...] = ()
    """Top-level import names of the implementation, e.g. `orders`."""
    modules: tuple[str, ...] = ()
    """Every importable module of the implementation, dotted, parents first; `__main__` modules left out."""
    module_files: dict[str, str] = field(default_factory=dict[str, str])
    """The file of each module."""
    installable: bool = False
    """It has a build system (or setup.py), so that `pip install .` works."""
    requires_python: str | None = None
    """The manifest's `requires-python` as a PEP 440 specifier (poetry's carets translated)."""
    dependencies: tuple[str, ...] = ()
    """Names of everything that any manifest asks for, in all groups and extras, normalised as PEP 503 says."""
    extras: tuple[str, ...] = ()
    """Names of optional dependencies (`[project.optional-dependencies]`, poetry extras)."""
    groups: tuple[str, ...] = ()
    """Names of dependency groups (PEP 735, poetry groups, uv's and pdm's dev dependencies)."""
    test_extras: tuple[str, ...] = ()
    """Those of `extras` that tests need: test, tests, testing, dev, ..."""
    test_groups: tuple[str, ...] = ()
    """Those of `groups` that tests need."""
    requirements: tuple[str, ...] = ()
    """Requirement files that a pip project installs, constraint files and pip-compile's .in files left out."""
    test_requirements: tuple[str, ...] = ()
    """Those of `requirements` that are for tests or development."""
    manifests: tuple[Manifest, ...] = ()
    """The root project's manifest, its workspace members' and requirement files."""
    locks: tuple[Lock, ...] = ()

    tests: tuple[TestFile, ...] = ()
    test_roots: tuple[str, ...] = ()
    """Folders that hold the tests, pytest's `testpaths` if it has them."""
    specification_marker: str | None = None
    """The registered pytest marker of specification tests (`spec`, `specification`)."""
    integration_marker: str | None = None
    """The registered pytest marker of integration tests."""
    markers: tuple[str, ...] = ()
    """All pytest markers that the project registers."""

    services: tuple[ServiceName, ...] = ()
    """Services that the integration tests need, by the clients among `dependencies`."""
    migrations: tuple[Migrations, ...] = ()
    typescript: tuple[TypeScript, ...] = ()
    dockerfiles: tuple[str, ...] = ()
    openapi: tuple[str, ...] = ()
    kubernetes: tuple[str, ...] = ()
    nested: tuple[str, ...] = ()
    """Folders of nested projects."""
    reasons: dict[str, str] = field(default_factory=dict[str, str])
    """Why: the name of a field above → one sentence."""
    problems: tuple[str, ...] = ()
    """Manifests that could not be read, each `path: why`."""

    def tests_of(self, *kinds: TestKind) -> tuple[str, ...]:
        """Paths of the test files of these kinds."""
        return tuple(test.path for test in self.tests if test.kind in kinds)

    @property
    def unit_tests(self) -> tuple[str, ...]:
        """What test:unit runs: unit and specification tests, both of which need no services."""
        return self.tests_of("unit", "specification")

    @property
    def specification_tests(self) -> tuple[str, ...]:
        """Tests in a specification folder; marked ones are found by `specification_marker`."""
        return self.tests_of("specification")

    @property
    def integration_tests(self) -> tuple[str, ...]:
        """Tests in an integration folder; marked ones are found by `integration_marker`."""
        return self.tests_of("integration")


async def detect(source: dagger.Directory) -> Project:
    """Look at a tree: one glob, then the few manifests that matter, read concurrently.

    Raises:
        DetectionError: the tree is empty, or a manifest that the glob listed can't be read.
    """
    from gauntlet.classify import classify, ignored, manifests_among  # noqa: PLC0415 - only detection needs packaging

    listed = await source.glob("**/*")
    paths = tuple(sorted(path for path in listed if not path.endswith("/") and not ignored(path)))
    if not paths:
        raise DetectionError(
            "the source has no files",
            "point --source at a folder with files, or check source.include and source.exclude in gauntlet.yaml",
        )
    texts: dict[str, str] = {}

    async def read(path: str) -> None:
        texts[path] = (await source.file(path).contents())[:MANIFEST_LIMIT]

    async with anyio.create_task_group() as tasks:
        for path in manifests_among(paths):
            tasks.start_soon(read, path)
    return classify(paths, texts)
