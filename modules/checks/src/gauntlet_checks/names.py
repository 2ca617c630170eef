"""What names and expressions stand for, as far as the text alone tells: dotted origins and constant strings."""

from __future__ import annotations

import ast
import builtins
from typing import TypeGuard

_BUILTINS = frozenset(dir(builtins))
_PARTS = 2  # positional arguments of getattr(object, name)


class Names:
    """The origins of a module's names: imports, aliases and string constants, wherever in the file they are bound."""

    def __init__(self, tree: ast.Module) -> None:
        self._origins: dict[str, str] = {}
        self._imported: set[str] = set()
        self._texts: dict[str, str | None] = {}
        for node in ast.walk(tree):
            self._bind(node)

    def dotted(self, node: ast.expr | None) -> str:
        """Dotted origin of an expression such as `il.import_module`; empty where it has none."""
        if isinstance(node, ast.Name):
            return self._origins.get(node.id) or (f"builtins.{node.id}" if node.id in _BUILTINS else node.id)
        if isinstance(node, ast.Attribute):
            return self._join(self.dotted(node.value), node.attr)
        if isinstance(node, ast.Call) and self.dotted(node.func) == "builtins.getattr" and len(node.args) >= _PARTS:
            return self._join(self.dotted(node.args[0]), self.text(node.args[1]))
        if isinstance(node, ast.Subscript):
            return self._subscript(node)
        return ""

    def is_imported(self, name: str) -> bool:
        """Whether an import of the file binds the name, or nothing does and it is a builtin."""
        return name in self._imported or name == "builtins"

    def text(self, node: ast.expr | None) -> str | None:
        """The string that an expression always has; None where that can't be told."""
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            return self._texts.get(node.id)
        if isinstance(node, ast.JoinedStr):
            return _joined([self._piece(value) for value in node.values])
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            return _joined([self.text(node.left), self.text(node.right)])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join":
            return self._join_call(node)
        return None

    def _piece(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.FormattedValue):
            return self.text(node.value) if node.format_spec is None else None
        return self.text(node)

    def _join_call(self, node: ast.Call) -> str | None:
        assert isinstance(node.func, ast.Attribute)  # noqa: S101 - the caller looked
        separator = self.text(node.func.value)
        if separator is None or len(node.args) != 1 or not isinstance(node.args[0], ast.List | ast.Tuple):
            return None
        parts = [self.text(element) for element in node.args[0].elts]
        return separator.join(part for part in parts if part is not None) if None not in parts else None

    def _subscript(self, node: ast.Subscript) -> str:
        """`globals()["x"]`, `vars(m)["x"]`, `m.__dict__["x"]`, `__builtins__["x"]`."""
        key = self.text(node.slice)
        if isinstance(node.value, ast.Call):
            called = self.dotted(node.value.func)
            if called in {"builtins.globals", "builtins.locals"} and key:
                return self._origins.get(key) or f"builtins.{key}"
            if called == "builtins.vars" and node.value.args:
                return self._join(self.dotted(node.value.args[0]), key)
        if isinstance(node.value, ast.Attribute) and node.value.attr == "__dict__":
            return self._join(self.dotted(node.value.value), key)
        if isinstance(node.value, ast.Name) and node.value.id == "__builtins__":
            return self._join("builtins", key)
        return ""

    @staticmethod
    def _join(left: str, right: str | None) -> str:
        left = "builtins" if left == "__builtins__" else left
        return f"{left}.{right}" if left and right else ""

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                self._origins[name] = alias.name if alias.asname else name
                self._imported.add(name)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                self._origins[alias.asname or alias.name] = f"{'.' * node.level}{node.module or ''}.{alias.name}"
                self._imported.add(alias.asname or alias.name)
        elif isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            self._assign(node.targets[0].id, node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            self._assign(node.target.id, node.value)

    def _assign(self, name: str, value: ast.expr) -> None:
        text = self.text(value)
        # A name that is bound twice is no constant.
        self._texts[name] = text if name not in self._texts else None
        origin = self.dotted(value)
        if "." in origin:
            self._origins[name] = origin


def argument(node: ast.Call, position: int, keyword: str) -> ast.expr | None:
    """The call's argument by position (negative: none) or keyword; None where it is not given, or behind a star."""
    if 0 <= position < len(node.args) and not any(isinstance(part, ast.Starred) for part in node.args[: position + 1]):
        return node.args[position]
    return next((part.value for part in node.keywords if part.arg == keyword), None)


def is_function(node: ast.AST) -> TypeGuard[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Whether the node defines a function, async or not."""
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def _joined(parts: list[str | None]) -> str | None:
    known = [part for part in parts if part is not None]
    return "".join(known) if len(known) == len(parts) else None
