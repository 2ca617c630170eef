"""What a pytest run says of itself: its JUnit file and our journal, read into one result."""

from __future__ import annotations

import contextlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from pathlib import Path

MAX_FAILURES = 200
MAX_TEXT = 6_000  # characters of one failure's report: the run's answer must fit into an error (run.MAX_PRINTED)
ALL_TEXT = 120_000
Outcome = Literal["passed", "failed", "error", "skipped"]
# `--tb=long` ends each entry with "path:line: Error"; a collection error has "path:line: in <module>" or a File line.
_PLACE = re.compile(
    r"^(?:E\s+)?(?:File \"(?P<file>[^\"]+)\", line (?P<at>\d+)|(?P<path>[^\s:][^:\n]*\.py):(?P<line>\d+):)",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Case:
    """One test: its address in JUnit, where it is defined (line from 1), how it ended and what it said."""

    classname: str
    name: str
    outcome: Outcome
    file: str = ""
    line: int | None = None
    message: str = ""
    text: str = ""

    @property
    def id(self) -> str:
        """A readable address: `tests/test_a.py::TestA::test_b`, as far as JUnit allows."""
        module = self.file.removesuffix(".py").replace("/", ".")
        if module and self.name == module:
            return self.file  # the file itself could not be collected
        inner = self.classname.removeprefix(module).strip(".") if module else self.classname
        return "::".join(part for part in (self.file, *inner.split("."), self.name) if part)


@dataclass(slots=True)
class Journal:
    """The plugin's notes. `begun` maps the tests that began and did not end to (file, line from 1)."""

    pytest: str = ""
    plugins: dict[str, str] = field(default_factory=dict[str, str])
    collected: list[str] = field(default_factory=list[str])
    deselected: int = 0
    begun: dict[str, tuple[str, int | None]] = field(default_factory=dict[str, tuple[str, int | None]])
    exit_code: int | None = None


def read_junit(path: Path, root: Path) -> list[Case] | None:
    """The tests of a JUnit file; None where there is none that can be read."""
    try:
        suites = ET.parse(path).getroot()  # noqa: S314 - expat bounds entity expansion since 2.4.1
    except (OSError, ET.ParseError, ValueError):
        return None
    return [_case(element, root) for element in suites.iter("testcase")]


def read_journal(path: Path) -> Journal:
    """The journal, as far as it was written."""
    journal = Journal()
    with contextlib.suppress(OSError):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
                _note(journal, json.loads(line))
    return journal


def address(nodeid: str) -> tuple[str, str]:
    """Class name and name under which JUnit lists a test (pytest's mangle_test_address)."""
    path, bracket, parameters = nodeid.partition("[")
    parts = path.split("::")
    parts[0] = re.sub(r"\.py$", "", parts[0].replace("/", "."))
    parts[-1] += bracket + parameters
    return ".".join(parts[:-1]), parts[-1]


def never_ran(journal: Journal, cases: list[Case]) -> list[str]:
    """Collected tests of which JUnit says nothing."""
    told = Counter((_plain(case.classname), _plain(case.name)) for case in cases)
    missing: list[str] = []
    for nodeid in journal.collected:
        classname, name = address(nodeid)
        key = (_plain(classname), _plain(name))
        if told[key]:
            told[key] -= 1
        else:
            missing.append(nodeid)
    return missing


def place_of(case: Case, root: Path) -> tuple[str, int | None]:
    """Where to look: the innermost line inside the source that the report names, else the test itself."""
    for match in reversed(list(_PLACE.finditer(case.text))):
        path = match["file"] or match["path"]
        relative = path.removeprefix(f"{root.as_posix()}/")
        if not relative.startswith(("/", "..")) and (root / relative).is_file():
            return relative, int(match["at"] or match["line"])
    return case.file, case.line


def bounded(cases: list[Case], root: Path) -> list[dict[str, Any]]:
    """The failures as JSON-able data, few enough and short enough to travel."""
    found: list[dict[str, Any]] = []
    room = ALL_TEXT
    for case in cases[:MAX_FAILURES]:
        file, line = place_of(case, root)
        text = _middle_out(case.text, max(min(MAX_TEXT, room), 400))
        room -= len(text)
        found.append(
            {
                "id": case.id,
                "kind": case.outcome,
                "file": file,
                "line": line,
                "message": case.message[:600],
                "text": text,
            }
        )
    return found


def _case(element: ET.Element, root: Path) -> Case:
    outcome: Outcome = "passed"
    message = text = ""
    for child in element:
        if child.tag in {"failure", "error", "skipped"}:
            outcome = "failed" if child.tag == "failure" else "error" if child.tag == "error" else "skipped"
            message, text = child.get("message", ""), child.text or ""
            if outcome != "skipped":
                break
    classname, name = element.get("classname", ""), element.get("name", "")
    file, line = element.get("file", ""), element.get("line", "")
    if not file and (root / (guess := name.replace(".", "/") + ".py")).is_file():
        file = guess  # a collection error is filed under the module's dotted name
    return Case(classname, name, outcome, file, int(line) + 1 if line.isdigit() else None, message, text)


def _note(journal: Journal, note: dict[str, Any]) -> None:
    event = note["event"]
    if event == "session":
        journal.pytest, journal.plugins = note["pytest"], note["plugins"]
    elif event == "collected":
        journal.collected = journal.collected or list(note["ids"])
    elif event == "deselected":
        journal.deselected = max(journal.deselected, int(note["count"]))
    elif event == "start":
        line = note["line"]
        journal.begun[note["id"]] = (str(note["file"]), line + 1 if isinstance(line, int) else None)
    elif event == "finish":
        journal.begun.pop(note["id"], None)
    elif event == "end":
        journal.exit_code = note["exit_code"]


def _plain(text: str) -> str:
    """Without what JUnit escapes: control characters in a parameter become `#x1B` there."""
    return re.sub(r"[^\x20-\x7e]|#x[0-9A-Fa-f]+", "", text)


def _middle_out(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half} characters left out ...]\n{text[-half:]}"
