"""What a conftest hands to tests: which fixtures, hooks and assignments pass on a piece of the implementation."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gauntlet_checks.names import Names, argument, is_function

if TYPE_CHECKING:
    from gauntlet_checks.codebase import Codebase

# Objects that talk to a running application from outside (HTTP in process): through these a test sees no code.
BLACK_BOX = frozenset(
    [
        "TestClient",
        "AsyncClient",
        "Client",
        "ASGITransport",
        "WSGITransport",
        "LifespanManager",
        "TestServer",
        "TestApp",
        "test_client",
    ]
)
_IMPORTERS = frozenset(
    {"importlib.import_module", "builtins.__import__", "importlib.__import__", "pytest.importorskip"}
)
_FILLERS = frozenset(["append", "add", "extend", "insert", "update", "setdefault", "push"])
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Fixture:
    """A fixture: its name, where it is, what it asks for, and whether every test in reach gets it unasked."""

    name: str
    path: str
    line: int
    needs: tuple[str, ...]
    autouse: bool
    function: Function = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Handover:
    """A statement that puts a piece of the implementation where tests can pick it up."""

    path: str
    line: int
    how: str


class Source:
    """A conftest or fixture module, read for what its names carry."""

    def __init__(
        self, code: Codebase, path: str, black_box: frozenset[str], seen: frozenset[str] = frozenset()
    ) -> None:
        self.path, self._code, self._black_box, self._seen = path, code, black_box, seen | {path}
        self._tree = code.tree(path)
        self.names = Names(self._tree)
        self._functions = {node.name: node for node in self._tree.body if is_function(node)}
        self._tainted: set[str] = set()
        for _ in range(2):  # twice: a function may use what is bound below it
            self._tainted |= self._scan(self._tree.body, self._tainted)
            self._tainted |= {name for name, node in self._functions.items() if self.returns_it(node, frozenset())}
        self.fixtures = self._fixtures()

    def exports(self, name: str) -> bool:
        """Whether the module-level `name` carries a piece of the implementation."""
        return name in self._tainted

    @property
    def carries(self) -> bool:
        """Whether anything in the module does."""
        return bool(self._tainted)

    def plugins(self) -> list[tuple[str, int]]:
        """Names in `pytest_plugins`, with their line."""
        found: list[tuple[str, int]] = []
        for node in self._tree.body:
            if isinstance(node, ast.Assign) and any(
                getattr(part, "id", "") == "pytest_plugins" for part in node.targets
            ):
                values = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
                found += [(text, node.lineno) for value in values if (text := self.names.text(value))]
        return found

    def returns_it(self, function: Function, tainted_arguments: frozenset[str]) -> bool:
        """Whether the function returns or yields a piece, given which of its arguments are one."""
        tainted = self._inside(function, tainted_arguments)
        for node in _own_nodes(function):
            value = node.value if isinstance(node, ast.Return | ast.Yield | ast.YieldFrom) else None
            if value is not None and self._carries(value, tainted):
                return True
        return False

    def plants(self, function: Function, tainted_arguments: frozenset[str]) -> list[Handover]:
        """Where the function's body puts a piece into something that outlives it."""
        return self._plants_in(list(_own_nodes(function)), self._inside(function, tainted_arguments))

    def module_plants(self) -> list[Handover]:
        """The same for the module's own statements."""
        nodes = [node for statement in self._tree.body for node in _walk_shallow(statement)]
        return self._plants_in(nodes, self._tainted)

    def hook_plants(self) -> list[Handover]:
        """What the module's pytest hooks plant, or pass to a call: `metafunc.parametrize("f", [orders.price])`."""
        found: list[Handover] = []
        for name, function in self._functions.items():
            if name.startswith("pytest_"):
                tainted = self._inside(function, frozenset())
                found += self._plants_in(list(_own_nodes(function)), tainted)
                found += self._passed_on(function, tainted)
        return found

    def shared(self) -> list[str]:
        """Local files from which the module imports names: fixtures may be among them."""
        found: list[str] = []
        for node in self._tree.body:
            if isinstance(node, ast.ImportFrom):
                targets = (
                    self._code.imported(self.path, node.module or "", node.level) if node.module or node.level else []
                )
                found += [target.path for target in targets if target.kind == "local" and target.path != self.path]
        return found

    def _passed_on(self, hook: Function, tainted: set[str]) -> list[Handover]:
        found: list[Handover] = []
        for node in _own_nodes(hook):
            if isinstance(node, ast.Call) and not self._is_black_box(node) and not self._carries(node.func, tainted):
                given = [*node.args, *(part.value for part in node.keywords)]
                if any(self._carries(part, tainted) for part in given):
                    found.append(Handover(self.path, node.lineno, f"{hook.name} passes it to {ast.unparse(node.func)}"))
        return found

    def _plants_in(self, nodes: list[ast.AST], tainted: set[str]) -> list[Handover]:
        found: list[Handover] = []
        for node in nodes:
            if isinstance(node, ast.Assign) and self._carries(node.value, tainted):
                found += [
                    Handover(self.path, node.lineno, f"it is stored in {ast.unparse(target)}")
                    for target in node.targets
                    if isinstance(target, ast.Attribute | ast.Subscript) and not self._carries(target.value, tainted)
                ]
            elif isinstance(node, ast.Call) and self._is_setattr(node, tainted):
                found.append(Handover(self.path, node.lineno, f"it is stored by {ast.unparse(node.func)}"))
        return found

    def _is_setattr(self, node: ast.Call, tainted: set[str]) -> bool:
        """`setattr(pytest, "price", price)`, `vars(builtins).update(price=price)`: of something else than the code."""
        called = self.names.dotted(node.func)
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if called != "builtins.setattr" and method not in {"update", "setdefault", "__setitem__", "__setattr__"}:
            return False
        owner = node.args[0] if called == "builtins.setattr" and node.args else getattr(node.func, "value", None)
        given = [*node.args, *(part.value for part in node.keywords)]
        if not isinstance(owner, ast.expr) or self._carries(owner, tainted) or self._is_local(owner):
            return False
        return any(self._carries(part, tainted) for part in given)

    def _is_local(self, owner: ast.expr) -> bool:
        """A plain name that the file does not import: a variable, which the return value is judged for."""
        return isinstance(owner, ast.Name) and "." not in self.names.dotted(owner) and owner.id != "builtins"

    def _inside(self, function: Function, tainted_arguments: frozenset[str]) -> set[str]:
        arguments = {part.arg for part in _arguments(function)}
        tainted = (self._tainted - arguments) | tainted_arguments
        for _ in range(2):  # twice: loops carry values backwards
            tainted |= self._scan(function.body, tainted, frozenset(arguments))
        return tainted

    def _scan(self, statements: list[ast.stmt], before: set[str], foreign: frozenset[str] = frozenset()) -> set[str]:
        """Names that the statements bind to a piece, or fill with one; `before` are those bound already.

        `foreign` are a function's arguments: what is put into these is a plant, not a value of the function's own.
        """
        tainted = set(before)
        for statement in statements:
            for node in _walk_shallow(statement):
                tainted |= self._bound(node, tainted) | (self._filled(node, tainted) - foreign)
        return tainted

    def _bound(self, node: ast.AST, tainted: set[str]) -> set[str]:
        """Names that one node binds to a piece."""
        if isinstance(node, ast.Import):
            return {a.asname or a.name.partition(".")[0] for a in node.names if self._is_piece(a.name, 0, None)}
        if isinstance(node, ast.ImportFrom):
            return self._bound_from(node)
        if is_function(node):  # a function made inside, or at the top: it carries what it returns
            return {node.name} if self._makes(node, tainted) else set()
        if isinstance(node, ast.ClassDef):
            inner = tainted | {
                name for part in ast.walk(node) if part is not node for name in self._bound(part, tainted)
            }
            return {node.name} if self._carries_part(node, inner) else set()
        value, targets = binding(node)
        carried = value is not None and self._carries(value, tainted)
        return {name for target in targets for name in _bound_names(target)} if carried else set()

    def _filled(self, node: ast.AST, tainted: set[str]) -> set[str]:
        """The variable that `things["a"] = piece`, `space.a = piece` or `things.append(piece)` fills."""
        owner: ast.expr | None = None
        if isinstance(node, ast.Assign) and self._carries(node.value, tainted):
            owner = next((part for part in node.targets if isinstance(part, ast.Attribute | ast.Subscript)), None)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _FILLERS:
            given = [*node.args, *(part.value for part in node.keywords)]
            owner = node.func if any(self._carries(part, tainted) for part in given) else None
        while isinstance(owner, ast.Attribute | ast.Subscript):
            owner = owner.value
        return {owner.id} if isinstance(owner, ast.Name) and not self.names.is_imported(owner.id) else set()

    def _makes(self, function: Function, tainted: set[str]) -> bool:
        inner = tainted | {name for node in _own_nodes(function) for name in self._bound(node, tainted)}
        returned = [node.value for node in _own_nodes(function) if isinstance(node, ast.Return | ast.Yield)]
        return any(value is not None and self._carries(value, inner) for value in returned)

    def _bound_from(self, node: ast.ImportFrom) -> set[str]:
        module, bound = node.module or "", set[str]()
        for alias in node.names:
            if self._is_piece(module, node.level, alias.name):
                bound |= self._starred(module, node.level) if alias.name == "*" else {alias.asname or alias.name}
        return bound

    def _is_piece(self, module: str, level: int, name: str | None) -> bool:
        """Whether importing `module` (or `name` from it) binds a piece of the implementation."""
        targets = self._code.imported(self.path, module, level) if module or level else []
        if name is not None:
            targets = [*targets, *self._code.submodule(self.path, module, level, name)]
        if any(target.kind == "implementation" for target in targets):
            return True
        last = targets[-1] if targets else None
        if last is None or last.kind != "local" or last.path in self._seen:
            return False
        source = Source(self._code, last.path, self._black_box, self._seen)
        if name is None or name == "*" or source.names_itself(name):
            return source.carries
        return source.exports(name)

    def names_itself(self, name: str) -> bool:
        """Whether `name` is this module's own, as in `from support import api`."""
        return self.path.removesuffix("/__init__.py").removesuffix(".py").rpartition("/")[2] == name

    def _starred(self, module: str, level: int) -> set[str]:
        targets = self._code.imported(self.path, module, level)
        if targets and targets[-1].kind == "local" and targets[-1].path not in self._seen:
            return set(Source(self._code, targets[-1].path, self._black_box, self._seen)._tainted)  # noqa: SLF001
        return set()

    def _carries(self, node: ast.expr, tainted: set[str]) -> bool:
        """Whether the expression's value holds a piece of the implementation."""
        if isinstance(node, ast.Name):
            return node.id in tainted
        if isinstance(node, ast.Constant):
            return False
        if isinstance(node, ast.Call):
            if self._is_black_box(node):
                return False
            if self.names.dotted(node.func) in _IMPORTERS:
                text = self.names.text(argument(node, 0, "name"))
                return text is None or self._code.is_implementation(text)
        return any(self._carries_part(child, tainted) for child in ast.iter_child_nodes(node))

    def _carries_part(self, node: ast.AST, tainted: set[str]) -> bool:
        if isinstance(node, ast.expr):
            return self._carries(node, tainted)
        return any(self._carries_part(child, tainted) for child in ast.iter_child_nodes(node))

    def _is_black_box(self, node: ast.Call) -> bool:
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        origin = self.names.dotted(node.func).rpartition(".")[2]
        return called in self._black_box or origin in self._black_box

    def _fixtures(self) -> dict[str, Fixture]:
        found: dict[str, Fixture] = {}
        for node in ast.walk(self._tree):
            if not is_function(node):
                continue
            for decorator in node.decorator_list:
                call = decorator if isinstance(decorator, ast.Call) else None
                if self.names.dotted(call.func if call else decorator).rpartition(".")[2] != "fixture":
                    continue
                name = self.names.text(argument(call, -1, "name")) if call else None
                autouse = argument(call, -1, "autouse") if call else None
                unasked = autouse is not None and not (isinstance(autouse, ast.Constant) and autouse.value is False)
                needs = tuple(part.arg for part in _arguments(node))
                found[name or node.name] = Fixture(name or node.name, self.path, node.lineno, needs, unasked, node)
        return found


def binding(node: ast.AST) -> tuple[ast.expr | None, list[ast.expr]]:
    """The value and the targets of whatever gives names to a value."""
    if isinstance(node, ast.Assign):
        return node.value, node.targets
    if isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
        return node.value, [node.target]
    if isinstance(node, ast.withitem) and node.optional_vars is not None:
        return node.context_expr, [node.optional_vars]
    if isinstance(node, ast.For | ast.AsyncFor | ast.comprehension):
        return node.iter, [node.target]
    return None, []


def _arguments(function: Function) -> list[ast.arg]:
    return [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]


def _own_nodes(function: Function) -> list[ast.AST]:
    return [node for statement in function.body for node in _walk_shallow(statement)]


def _walk_shallow(node: ast.AST) -> list[ast.AST]:
    """The node and all below it that run with it: not the bodies of functions and classes."""
    found: list[ast.AST] = [node]
    if is_function(node) or isinstance(node, ast.Lambda | ast.ClassDef):
        return found
    for child in ast.iter_child_nodes(node):
        found += _walk_shallow(child)
    return found


def _bound_names(target: ast.expr) -> list[str]:
    return [node.id for node in ast.walk(target) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)]
