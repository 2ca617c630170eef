"""Which files are tests, and of which kind."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from gauntlet.project import TestFile, TestKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gauntlet.pytest_settings import PytestSettings

_ROOTS = frozenset({"test", "tests", "testing"})
_FOLDERS: dict[str, TestKind] = {
    **dict.fromkeys(("spec", "specs", "specification", "specifications"), "specification"),
    **dict.fromkeys(("integration", "integration_test", "integration_tests", "integrationtests"), "integration"),
    **dict.fromkeys(("e2e", "end_to_end", "browser", "ui", "smoke", "stress", "load", "chaos"), "other"),
    **dict.fromkeys(("perf", "performance", "bench", "benchmark", "benchmarks"), "other"),
}
_FILES: dict[str, TestKind] = {
    "test_integration*.py": "integration",
    "test_*_integration.py": "integration",
    "*_integration_test.py": "integration",
    "test_specification*.py": "specification",
    "test_e2e*.py": "other",
}
# pytest's norecursedirs, and folders of examples that are projects of their own.
_NOT_COLLECTED = frozenset({"build", "dist", "venv", "site-packages", "cassettes"})


def tests_among(paths: Iterable[str], settings: PytestSettings) -> tuple[TestFile, ...]:
    """The test files among Python files, as pytest would collect them from the root."""
    return tuple(TestFile(path, kind_of(path)) for path in paths if _is_test(path, settings))


def kind_of(path: str) -> TestKind:
    """The kind that a test's folders and name give it: the innermost folder with a meaning wins."""
    *folders, name = path.split("/")
    for folder in reversed(folders):
        if folder.lower() in _FOLDERS:
            return _FOLDERS[folder.lower()]
    for pattern, kind in _FILES.items():
        if fnmatchcase(name, pattern):
            return kind
    return "unit"


def roots_of(tests: Iterable[TestFile], settings: PytestSettings) -> tuple[str, ...]:
    """The folders to hand to pytest: its `testpaths`, or the outermost folders that hold the tests."""
    tests = tuple(tests)
    told = tuple(path for path in settings.testpaths if any(_below(path, test.path) for test in tests))
    if told:
        return told
    found: set[str] = set()
    for test in tests:
        folders = test.path.split("/")[:-1]
        named = next((depth for depth, folder in enumerate(folders) if folder in _ROOTS), None)
        found.add("/".join(folders[: named + 1] if named is not None else folders) or ".")
    return tuple(sorted(root for root in found if not any(_below(other, root) for other in found - {root})))


def _is_test(path: str, settings: PytestSettings) -> bool:
    *folders, name = path.split("/")
    if _NOT_COLLECTED & set(folders) or any(folder.startswith(".") for folder in folders):
        return False
    if settings.testpaths and not any(_below(root, path) for root in settings.testpaths):
        return False
    return any(fnmatchcase(name, pattern) for pattern in settings.python_files) and name.endswith(".py")


def _below(root: str, path: str) -> bool:
    if "*" in root:
        return fnmatchcase(path, f"{root}/*") or fnmatchcase(path, root)
    return root in {".", ""} or path == root or path.startswith(f"{root}/")
