"""The place in the source that a traceback ends at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gauntlet_verdict.model import Location
from gauntlet_verdict.readers.source_path import relative

if TYPE_CHECKING:
    from collections.abc import Iterator

# pytest's long and short style: `tests/test_orders.py:20: AssertionError`, `…:126: in import_module`.
_PYTEST = re.compile(r"^(?P<path>[^\s>][^\n]*?\.pyi?):(?P<line>\d+): ", re.MULTILINE)
# Python's own: `  File "tests/test_orders.py", line 20, in test_it`.
_NATIVE = re.compile(r'^\s*(?:E\s+)?File "(?P<path>[^"\n]+)", line (?P<line>\d+)', re.MULTILINE)
# V8's: `at add (file:///src/add.ts:3:9)`; vitest puts an arrow (U+276F) before its own: `> src/add.test.ts:3:9`.
_NODE = re.compile(
    r"^\s*(?:at (?:[^\n(]*\()?|\u276f (?:[^\n]* )?)(?:file://)?(?P<path>[^\n():]+\.[cm]?[jt]sx?):(?P<line>\d+):\d+",
    re.MULTILINE,
)
# Folders of installed code: a failure may pass through them but is not mended there.
_INSTALLED = frozenset({"site-packages", "dist-packages", "node_modules", ".venv", "venv"})
_TEXT_LIMIT = 200_000  # characters at each end; a test may print its 50 MB into its own failure


def place(traceback: str, root: str) -> Location | None:
    """The deepest frame in the source tree, None where no frame is."""
    if len(traceback) > 2 * _TEXT_LIMIT:
        traceback = f"{traceback[:_TEXT_LIMIT]}\n{traceback[-_TEXT_LIMIT:]}"
    # Python prints the deepest frame last, JavaScript first.
    python = list(_in_tree(_PYTEST, traceback, root)) or list(_in_tree(_NATIVE, traceback, root))
    if python:
        return python[-1]
    return next(_in_tree(_NODE, traceback, root), None)


def _in_tree(frame: re.Pattern[str], traceback: str, root: str) -> Iterator[Location]:
    for match in frame.finditer(f"{traceback}\n"):
        path = relative(match["path"], root)
        inside = not path.startswith(("/", "../", "<")) and not _INSTALLED.intersection(path.split("/"))
        if inside and (line := int(match["line"])) >= 1:
            yield Location(path=path, line=line)
