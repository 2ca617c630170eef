"""What a file reaches for: imports, dynamic imports, code in strings, patches by name, changes of the import path."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from gauntlet_checks.names import Names, argument

Kind = Literal["import", "from", "path", "resource", "sys.path", "computed"]
# Callables that take a module's name, by dotted origin: position and keyword of the name.
_BY_NAME = {
    "importlib.import_module": (0, "name"),
    "importlib.__import__": (0, "name"),
    "builtins.__import__": (0, "name"),
    "importlib.util.find_spec": (0, "name"),
    "importlib.resources.files": (0, "anchor"),
    "pkgutil.resolve_name": (0, "name"),
    "pkgutil.get_data": (0, "package"),
    "pkgutil.find_loader": (0, "fullname"),
    "pytest.importorskip": (0, "modname"),
    "runpy.run_module": (0, "mod_name"),
    "sys.modules.get": (0, ""),
    "sys.modules.pop": (0, ""),
    "sys.modules.__getitem__": (0, ""),
}
_BY_PATH = {
    "runpy.run_path": (0, "path_name"),
    "importlib.util.spec_from_file_location": (1, "location"),
    "importlib.machinery.SourceFileLoader": (1, "path"),
    "importlib.machinery.SourcelessFileLoader": (1, "path"),
}
_CODE = {"builtins.exec": "", "builtins.eval": "", "builtins.compile": "source"}
_PATCHERS = frozenset(["patch", "patch.dict", "patch.multiple", "spy", "stub_module"])
_PATCH_FIXTURES = frozenset(["mocker", "class_mocker", "module_mocker", "package_mocker", "session_mocker"])
_PATCH_MODULES = ("unittest.mock.", "mock.")
_PATH_LISTS = frozenset({"sys.path", "sys.meta_path", "sys.path_hooks", "sys.path_importer_cache"})
_PATH_METHODS = frozenset(["append", "insert", "extend", "__setitem__", "__iadd__"])
_MAX_DEPTH = 5  # of code in strings in code in strings


@dataclass(frozen=True, slots=True)
class Reach:
    """One reach: `module` (with `level` dots and the `names` taken from it) or the path `text`, and how it is written.

    `computed` and `sys.path` reaches lead nowhere that the text tells; `how` says what they are.
    """

    kind: Kind
    line: int
    how: str
    module: str = ""
    level: int = 0
    names: tuple[str, ...] = ()
    text: str = ""


def reaches(tree: ast.Module, names: Names | None = None, *, depth: int = 0) -> list[Reach]:
    """Every reach of a module, in the order of its lines."""
    visitor = _Visitor(names or Names(tree), depth)
    visitor.visit(tree)
    return sorted(visitor.found, key=lambda reach: reach.line)


class _Visitor(ast.NodeVisitor):
    def __init__(self, names: Names, depth: int) -> None:
        self.found: list[Reach] = []
        self._names, self._depth = names, depth

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.found.append(Reach("import", node.lineno, f"import {alias.name}", alias.name))

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module, taken = node.module or "", tuple(alias.name for alias in node.names)
        how = f"from {'.' * node.level}{module} import {', '.join(taken)}"
        self.found.append(Reach("from", node.lineno, how, module, node.level, taken))

    def visit_Call(self, node: ast.Call) -> None:
        called = self._names.dotted(node.func)
        if called in _BY_NAME:
            self._by_name(node, called)
        elif called in _BY_PATH:
            self._by_path(node, called)
        elif called in _CODE:
            self._code(node, argument(node, 0, _CODE[called]), called)
        elif self._patches(called):
            self._patch(node, called)
        elif called in {"site.addsitedir", "sys.path_hooks"} or self._changes_path(called):
            self._add("sys.path", node, f"{called}(...)")
        self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> None:
        for target in node.targets:
            self._assigned(target, node)
        self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self._assigned(node.target, node)
        self.generic_visit(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if isinstance(node.ctx, ast.Load) and self._names.dotted(node.value) == "sys.modules":
            self._named(node, node.slice, "sys.modules[...]")
        self.generic_visit(node)

    def visit_List(self, node: ast.List) -> None:
        self._command(node.elts)
        self.generic_visit(node)

    def visit_Tuple(self, node: ast.Tuple) -> None:
        self._command(node.elts)
        self.generic_visit(node)

    def _by_name(self, node: ast.Call, called: str) -> None:
        position, keyword = _BY_NAME[called]
        self._named(node, argument(node, position, keyword), f"{called.removeprefix('builtins.')}(...)")

    def _named(self, node: ast.expr, name: ast.expr | None, how: str) -> None:
        text = self._names.text(name)
        if text is None:
            self._add("computed", node, f"{how} of a name that is computed")
            return
        module = text.partition(":")[0]
        level = len(module) - len(module.lstrip("."))
        how = how.replace("...", repr(text))
        self.found.append(Reach("import", node.lineno, how, module.lstrip("."), level))

    def _by_path(self, node: ast.Call, called: str) -> None:
        position, keyword = _BY_PATH[called]
        text = self._names.text(argument(node, position, keyword))
        if text is None:
            self._add("computed", node, f"{called}(...) of a path that is computed")
        else:
            self.found.append(Reach("path", node.lineno, f"{called}({text!r})", text=text))

    def _code(self, node: ast.expr, source: ast.expr | None, called: str) -> None:
        called = called.removeprefix("builtins.")
        if isinstance(source, ast.Call) and self._names.dotted(source.func) == "builtins.compile":
            return  # the inner call is looked at by itself
        text = self._names.text(source)
        if text is None or self._depth >= _MAX_DEPTH:
            self._add("computed", node, f"{called}(...) of code that is computed")
            return
        try:
            inner = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return  # whoever runs it gets the same error
        for reach in reaches(inner, depth=self._depth + 1):
            how = f"{called}({text!r})" if reach.kind not in {"computed", "sys.path"} else reach.how
            self.found.append(Reach(reach.kind, node.lineno, how, reach.module, reach.level, reach.names, reach.text))

    def _command(self, elements: list[ast.expr]) -> None:
        """`[python, "-c", CODE]`: code that a child process would run."""
        for flag, code in pairwise(elements):
            if self._names.text(flag) == "-c" and (text := self._names.text(code)) and "import" in text:
                self._code(code, code, "python -c ")

    def _patches(self, called: str) -> bool:
        for module in _PATCH_MODULES:
            if called.startswith(module):
                return called.removeprefix(module) in _PATCHERS
        owner, _, method = called.partition(".")
        if owner == "monkeypatch":
            return method in {"setattr", "delattr"}
        return owner in _PATCH_FIXTURES and method in _PATCHERS

    def _patch(self, node: ast.Call, called: str) -> None:
        text = self._names.text(argument(node, 0, "target"))
        if text is not None and "." in text:  # an object instead of a name had to be imported first
            self.found.append(Reach("import", node.lineno, f"{called}({text!r})", text))

    def _changes_path(self, called: str) -> bool:
        owner, _, method = called.rpartition(".")
        return (owner in _PATH_LISTS and method in _PATH_METHODS) or called == "monkeypatch.syspath_prepend"

    def _assigned(self, target: ast.expr, node: ast.stmt) -> None:
        place = target.value if isinstance(target, ast.Subscript) else target
        if isinstance(place, ast.Attribute) and self._names.dotted(place) in _PATH_LISTS:
            self._add("sys.path", node, f"{self._names.dotted(place)} is changed")

    def _add(self, kind: Kind, node: ast.expr | ast.stmt, how: str) -> None:
        self.found.append(Reach(kind, node.lineno, how))
