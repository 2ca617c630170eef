"""What a project tells pytest: where its tests are, how their files are called, and which markers exist."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gauntlet.manifests import ManifestError, read_ini
from gauntlet.tables import strings, table

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_PATTERNS = ("test_*.py", "*_test.py")
# Registration from code: config.addinivalue_line("markers", "spec: …").
_ADDED = re.compile(r"""addinivalue_line\(\s*["']markers["']\s*,\s*["']([A-Za-z_]\w*)""")
_INI_SECTIONS = {"pytest.ini": "pytest", ".pytest.ini": "pytest", "tox.ini": "pytest", "setup.cfg": "tool:pytest"}


@dataclass(frozen=True, slots=True)
class PytestSettings:
    """pytest's settings as far as detection needs them; `source` is the file that they are in, empty for none."""

    source: str = ""
    testpaths: tuple[str, ...] = ()
    python_files: tuple[str, ...] = DEFAULT_PATTERNS
    markers: tuple[str, ...] = ()


def read_pytest_settings(texts: Mapping[str, str]) -> PytestSettings:
    """Settings from the first file that has them, in pytest's order, and markers registered in conftest.py files."""
    source, given = _first(texts)
    added = (name for path, text in texts.items() if path.endswith("conftest.py") for name in _ADDED.findall(text))
    declared = (re.split(r"[:(]", line, maxsplit=1)[0].strip() for line in _lines(given.get("markers")))
    return PytestSettings(
        source=source,
        testpaths=tuple(path.strip("/").removeprefix("./") for path in _words(given.get("testpaths"))),
        python_files=_words(given.get("python_files")) or DEFAULT_PATTERNS,
        markers=tuple(dict.fromkeys(name for name in (*declared, *added) if name)),
    )


def _first(texts: Mapping[str, str]) -> tuple[str, dict[str, Any]]:
    for path in ("pytest.ini", ".pytest.ini", "pyproject.toml", "tox.ini", "setup.cfg"):
        if path not in texts:
            continue
        found = _pyproject(texts[path]) if path == "pyproject.toml" else _ini(texts[path], _INI_SECTIONS[path])
        if found is not None:
            return path, found
    return "", {}


def _pyproject(text: str) -> dict[str, Any] | None:
    try:
        pytest = table(tomllib.loads(text), "tool", "pytest")
    except (tomllib.TOMLDecodeError, RecursionError):
        return None
    # pytest 9 also reads [tool.pytest] itself.
    return table(pytest, "ini_options") or pytest or None


def _ini(text: str, section: str) -> dict[str, Any] | None:
    try:
        ini = read_ini(text)
    except ManifestError:
        return None
    return dict(ini[section]) if ini.has_section(section) else None


def _lines(value: Any) -> tuple[str, ...]:
    items = value.splitlines() if isinstance(value, str) else strings(value)
    return tuple(item.strip() for item in items if item.strip())


def _words(value: Any) -> tuple[str, ...]:
    return tuple(word for line in _lines(value) for word in line.split())
