"""Do specification tests keep away from the code they judge? `python3 -m gauntlet_checks.oracle --plan P --out R`.

A specification test is an oracle only while it knows nothing of the implementation. Everything is read, nothing is run:
what the test files import, what the helpers that they import import, and what conftest fixtures hand to them.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import TypeGuard

from gauntlet_checks.codebase import Codebase, Target, Unparsable
from gauntlet_checks.handover import BLACK_BOX, Fixture, Function, Source, binding
from gauntlet_checks.names import Names, argument, is_function
from gauntlet_checks.plan import read_plan
from gauntlet_checks.reaches import Reach, reaches

SCHEMA = 1
MARKERS = frozenset({"spec", "specification"})
_FILE_NAME = re.compile(r"^(test_)?spec_.*\.py$|^(test_)?.*_spec\.py$")
_FOLDERS = frozenset({"spec", "specs", "specification", "specifications"})


@dataclass(frozen=True, slots=True)
class Plan:
    """What to read: `tests` are all test files, `specifications` those known to be specification tests by folder.

    `implementation` are top-level import names and `implementation_files` their modules' paths; `search` are further
    folders on the tests' import path; `markers` and `black_box` add to the names known here.
    """

    root: str
    tests: tuple[str, ...]
    implementation: tuple[str, ...]
    implementation_files: tuple[str, ...]
    specifications: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    markers: tuple[str, ...] = ()
    black_box: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """One way from a specification test to the implementation; `chain` has its steps, each `file:line: what`."""

    rule: str
    path: str
    line: int
    message: str
    chain: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Specification:
    """A file with specification tests, and how many there are."""

    path: str
    tests: int


@dataclass(slots=True)
class Report:
    """What was read and what was found."""

    specifications: list[Specification] = field(default_factory=list[Specification])
    violations: list[Violation] = field(default_factory=list[Violation])
    files_read: int = 0


def check(plan: Plan) -> Report:
    """Find the specification tests and every way from them to the implementation."""
    code = Codebase(
        Path(plan.root), frozenset(plan.implementation), frozenset(plan.implementation_files), plan.search
    )  # fmt: skip
    report, read = Report(), set[str]()
    for path in sorted({*plan.tests, *plan.specifications}):
        by_place = path in plan.specifications or is_specification_path(path)
        try:
            tests = specification_tests(code.tree(path), MARKERS | frozenset(plan.markers), whole=by_place)
        except Unparsable as error:
            if by_place:
                report.specifications.append(Specification(path, 1))
                message = f"it cannot be read, so nothing vouches for it: {error.message}"
                report.violations.append(Violation("unreadable", path, error.line, message))
            continue
        if tests:
            report.specifications.append(Specification(path, len(tests)))
            walk = _Walk(code, path)
            report.violations += walk.violations()
            report.violations += _Handovers(code, path, tests, BLACK_BOX | frozenset(plan.black_box)).violations()
            read |= walk.read
    # A conftest in reach of several files is one thing to mend.
    report.violations = list({(v.rule, v.path, v.line, v.message): v for v in reversed(report.violations)}.values())[
        ::-1
    ]
    report.files_read = len(read)
    return report


def is_specification_path(path: str) -> bool:
    """Whether a test file's name or folder says that it holds specification tests."""
    place = PurePosixPath(path)
    return bool(_FILE_NAME.match(place.name)) or any(part in _FOLDERS for part in place.parts[:-1])


def specification_tests(tree: ast.Module, markers: frozenset[str], *, whole: bool) -> list[Function]:
    """The test functions of a file that are specification tests: all of them, or the marked ones."""
    names = Names(tree)
    whole = whole or _has_mark(tree.body, names, markers)
    found: list[Function] = []
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            marked = whole or _is_marked(node, names, markers) or _has_mark(node.body, names, markers)
            found += [part for part in node.body if _is_test(part) and (marked or _is_marked(part, names, markers))]
        elif _is_test(node) and (whole or _is_marked(node, names, markers)):
            found.append(node)
    return found


class _Walk:
    """From a test file through everything local that it imports."""

    def __init__(self, code: Codebase, path: str) -> None:
        self._code, self._start = code, path
        self.read: set[str] = set()

    def violations(self) -> list[Violation]:
        found = self._from(self._start, ())
        for package in reversed(PurePosixPath(self._start).parents):
            init = (package / "__init__.py").as_posix()
            if self._code.exists(init):
                found += self._from(init, (f"{self._start}:1: is in the package {package}",))
        return found

    def _from(self, path: str, chain: tuple[str, ...]) -> list[Violation]:
        if path in self.read:
            return []
        self.read.add(path)
        try:
            found = reaches(self._code.tree(path))
        except Unparsable as error:
            message = f"the helper {path} cannot be read: {error.message}"
            return [self._violation("unreadable", (*chain, f"{path}:{error.line}: {error.message}"), message)]
        return [violation for reach in found for violation in self._judge(path, reach, chain)]

    def _judge(self, path: str, reach: Reach, chain: tuple[str, ...]) -> list[Violation]:
        chain = (*chain, f"{path}:{reach.line}: {reach.how}")
        if reach.kind == "computed":
            return [self._violation("computed-import", chain, f"{reach.how}: no reader can tell what it loads")]
        if reach.kind == "sys.path":
            return [self._violation("import-path", chain, f"{reach.how}: what its imports mean can no longer be told")]
        targets = self._targets(path, reach)
        for target in targets:
            if target.kind == "implementation":
                return [self._violation("import", chain, f"it reaches the implementation: {reach.how}")]
        return [
            violation
            for target in targets
            if target.kind == "local" and target.path.endswith(".py")
            for violation in self._from(target.path, chain)
        ]

    def _targets(self, path: str, reach: Reach) -> list[Target]:
        if reach.kind == "path":
            target = self._code.file(path, reach.text)
            return [target] if target else []
        targets = self._code.imported(path, reach.module, reach.level)
        for name in reach.names:
            targets += self._code.submodule(path, reach.module, reach.level, name)
        return targets

    def _violation(self, rule: str, chain: tuple[str, ...], message: str) -> Violation:
        path, line, *_ = chain[0].split(":", 2)
        if len(chain) > 1:
            message += f" (through {' → '.join(dict.fromkeys(step.partition(':')[0] for step in chain[1:]))})"
        return Violation(rule, path, int(line), message, chain)


class _Handovers:
    """What fixtures, hooks and assignments of the conftest files in reach give to a file's specification tests."""

    def __init__(self, code: Codebase, path: str, tests: list[Function], black_box: frozenset[str]) -> None:
        self._code, self._path, self._tests, self._black_box = code, path, tests, black_box
        self._sources: list[Source] = []
        self._found: list[Violation] = []
        for place in (path, *code.conftests(path)):
            self._read(place)

    def violations(self) -> list[Violation]:
        for source in self._sources[1:]:
            for planted in (*source.module_plants(), *source.hook_plants()):
                self._add("conftest", planted.line, planted.path, f"the implementation reaches it: {planted.how}")
        for name, line in sorted(self._used().items()):
            for fixture, source in self._definitions(name)[:1]:
                self._fixture(fixture, source, line)
        return self._found

    def _read(self, path: str) -> None:
        if any(source.path == path for source in self._sources):
            return
        try:
            source = Source(self._code, path, self._black_box)
        except Unparsable as error:
            self._add("unreadable", error.line, error.path, f"it cannot be read: {error.message}")
            return
        self._sources.append(source)
        for name, line in source.plugins():
            for target in self._code.imported(path, name):
                if target.kind == "implementation":
                    self._add("conftest", line, path, f"pytest_plugins loads {name} from the implementation")
                elif target.kind == "local":
                    self._read(target.path)
        for shared in source.shared():
            self._read(shared)

    def _fixture(self, fixture: Fixture, source: Source, line: int) -> None:
        given = frozenset(self._tainted_needs(fixture))
        where = f"{fixture.path}:{fixture.line}"
        if source.returns_it(fixture.function, given):
            message = f"the fixture {fixture.name!r} ({where}) hands over a piece of the implementation"
            chain = (f"{self._path}:{line}: asks for {fixture.name}", f"{where}: def {fixture.function.name}")
            self._found.append(Violation("fixture", self._path, line, message, chain))
        for planted in source.plants(fixture.function, given):
            self._add("fixture", planted.line, planted.path, f"through the fixture {fixture.name!r}: {planted.how}")

    def _tainted_needs(self, fixture: Fixture, seen: tuple[str, ...] = ()) -> list[str]:
        tainted: list[str] = []
        for need in fixture.needs:
            if need in seen:
                continue
            options = [pair for pair in self._definitions(need) if pair[0].function is not fixture.function]
            for inner, owner in options[:1]:
                given = frozenset(self._tainted_needs(inner, (*seen, fixture.name)))
                if owner.returns_it(inner.function, given):
                    tainted.append(need)
        return tainted

    def _definitions(self, name: str) -> list[tuple[Fixture, Source]]:
        """The fixture's definitions, the one that overrides the others first."""
        return [(source.fixtures[name], source) for source in self._sources if name in source.fixtures]

    def _used(self) -> dict[str, int]:
        """Fixture names that the tests get, with the line that asks; with a computed name, all that there are."""
        used: dict[str, int] = {}
        names = self._sources[0].names if self._sources else Names(self._code.tree(self._path))
        for test in self._tests:
            for part in (*test.args.posonlyargs, *test.args.args, *test.args.kwonlyargs):
                used.setdefault(part.arg, part.lineno)
        for node in ast.walk(self._code.tree(self._path)):
            if not isinstance(node, ast.Call):
                continue
            called = names.dotted(node.func)
            if called.endswith(".usefixtures"):
                used |= {text: node.lineno for part in node.args if (text := names.text(part))}
            elif called.endswith(".getfixturevalue"):
                text = names.text(argument(node, 0, "argname"))
                every = [name for source in self._sources for name in source.fixtures]
                used |= dict.fromkeys([text] if text else every, node.lineno)
        for source in self._sources:
            used |= {f.name: used.get(f.name, self._tests[0].lineno) for f in source.fixtures.values() if f.autouse}
            if source.path == self._path:  # the file's own fixtures may ask for others
                used |= {need: f.line for f in source.fixtures.values() for need in f.needs if need not in used}
        return used

    def _add(self, rule: str, line: int, path: str, message: str) -> None:
        chain = (f"{self._path}:1: is in reach of {path}", f"{path}:{line}: {message}")
        self._found.append(Violation(rule, path, line, message, chain))


def _is_test(node: ast.AST) -> TypeGuard[Function]:
    return is_function(node) and node.name.startswith("test")


def _is_marked(node: ast.AST, names: Names, markers: frozenset[str]) -> bool:
    return any(_names_mark(part, names, markers) for part in getattr(node, "decorator_list", ()))


def _has_mark(body: list[ast.stmt], names: Names, markers: frozenset[str]) -> bool:
    """Whether `pytestmark` in a module's or class's body has one of the markers."""
    for node in body:
        value, targets = binding(node)
        if value is not None and any(isinstance(part, ast.Name) and part.id == "pytestmark" for part in targets):
            parts = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
            if any(_names_mark(part, names, markers) for part in parts):
                return True
    return False


def _names_mark(node: ast.expr, names: Names, markers: frozenset[str]) -> bool:
    dotted = names.dotted(node.func if isinstance(node, ast.Call) else node)
    owner, _, mark = dotted.rpartition(".")
    return owner.endswith("mark") and mark in markers


def main(arguments: list[str] | None = None) -> int:
    """Write the report; 0 where the oracle is clean, 1 where it is not."""
    parser = argparse.ArgumentParser(prog="gauntlet_checks.oracle")
    parser.add_argument("--plan", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args(arguments)
    report = check(Plan(**read_plan(options.plan)))
    Path(options.out).write_text(json.dumps({"schema": SCHEMA, **asdict(report)}), encoding="utf-8")
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())
