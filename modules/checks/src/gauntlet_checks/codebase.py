"""A tree of Python files that is parsed and never run: where an import leads to, and what is the implementation."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Literal


@dataclass(frozen=True, slots=True)
class Target:
    """Where an import leads: to the implementation, to another file of the tree, or out of it."""

    kind: Literal["implementation", "local", "foreign"]
    name: str
    path: str = ""


class Unparsable(Exception):
    """A file that Python itself could not read; `line` is where."""

    def __init__(self, path: str, line: int, message: str) -> None:
        super().__init__(message)
        self.path, self.line, self.message = path, line, message


class Codebase:
    """The files below `root`.

    `implementation` are top-level import names, `implementation_files` the paths (relative to the root) of its
    modules, `search` the folders that the tests' import path has besides the ones that pytest adds itself.
    """

    def __init__(
        self, root: Path, implementation: frozenset[str], implementation_files: frozenset[str], search: tuple[str, ...]
    ) -> None:
        self._root, self._implementation, self._files, self._search = root, implementation, implementation_files, search
        self._trees: dict[str, ast.Module] = {}

    def tree(self, path: str) -> ast.Module:
        """The syntax tree of a file.

        Raises:
            Unparsable: it is no Python, or cannot be read.
        """
        if path not in self._trees:
            try:
                # Bytes: the file's own coding line decides, as it does for the interpreter.
                self._trees[path] = ast.parse((self._root / path).read_bytes(), filename=path)
            except SyntaxError as error:
                raise Unparsable(path, error.lineno or 1, error.msg) from error
            except (OSError, ValueError, RecursionError, MemoryError) as error:
                raise Unparsable(path, 1, str(error)) from error
        return self._trees[path]

    def is_implementation(self, module: str) -> bool:
        """Whether the dotted name is the implementation or inside it."""
        return module.partition(".")[0] in self._implementation

    def imported(self, importer: str, module: str, level: int = 0) -> list[Target]:
        """What `import module` (or `from ...module`, `level` dots) in `importer` loads: packages first, it last."""
        if level:
            return self._relative(importer, module, level)
        if self.is_implementation(module):  # also where tests/ mirrors it: which one wins depends on the import path
            return [Target("implementation", module)]
        found = [target for base in self._bases(importer) for target in self._below(base, module)]
        return found or [Target("foreign", module)]

    def submodule(self, importer: str, module: str, level: int, name: str) -> list[Target]:
        """The file that `from module import name` loads where `name` is a module; empty where it is an attribute."""
        dotted = f"{module}.{name}" if module else name
        targets = self.imported(importer, dotted, level)
        return targets if targets and targets[-1].path and self._is_exact(targets[-1], dotted) else []

    def file(self, importer: str, text: str) -> Target | None:
        """The file of the tree that a path written in `importer` names: relative to the root or to the importer."""
        for base in (PurePosixPath(), PurePosixPath(importer).parent):
            path = _normal(base / text.removeprefix(self._root.as_posix() + "/"))
            if path and (self._root / path).is_file():
                return self._target(path, text)
        return None

    def conftests(self, path: str) -> list[str]:
        """The conftest.py files that apply to a test file, nearest first."""
        folders = list(PurePosixPath(path).parents)
        return [file for folder in folders if self.exists(file := (folder / "conftest.py").as_posix())]

    def exists(self, path: str) -> bool:
        """Whether `path` is a file of the tree."""
        return (self._root / path).is_file()

    def _relative(self, importer: str, module: str, level: int) -> list[Target]:
        folder = PurePosixPath(importer).parent
        for _ in range(level - 1):
            folder = folder.parent
        found = self._below(folder, module) if module else self._package(folder)
        return found or [Target("foreign", "." * level + module)]

    def _bases(self, importer: str) -> list[PurePosixPath]:
        # pytest puts a test's folder, or its topmost package's parent, on the path; so any ancestor may be there.
        own = list(PurePosixPath(importer).parents)
        return list(dict.fromkeys([*own, *(PurePosixPath(part) for part in self._search)]))

    def _below(self, base: PurePosixPath, module: str) -> list[Target]:
        """The files that importing `module` from `base` loads; empty where it is not there."""
        parts, folder = module.split("."), base
        targets: list[Target] = []
        for index, part in enumerate(parts):
            folder = folder / part
            name = ".".join(parts[: index + 1])
            if package := self._package(folder, name):
                targets += package
            elif self.exists(f"{folder}.py"):
                return [*targets, self._target(f"{folder}.py", name)]
            elif not (self._root / folder).is_dir():
                return targets  # an attribute of the last one, or nothing here at all
        return targets

    def _package(self, folder: PurePosixPath, name: str = "") -> list[Target]:
        path = (folder / "__init__.py").as_posix()
        return [self._target(path, name)] if self.exists(path) else []

    def _target(self, path: str, name: str) -> Target:
        path = PurePosixPath(path).as_posix()
        return Target("implementation" if path in self._files else "local", name, path)

    def _is_exact(self, target: Target, dotted: str) -> bool:
        stem = target.path.removesuffix("/__init__.py").removesuffix(".py")
        return PurePosixPath(stem).name == dotted.rpartition(".")[2]


def _normal(path: PurePosixPath) -> str | None:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in {"/", "."}:
            parts.append(part)
    return "/".join(parts)
