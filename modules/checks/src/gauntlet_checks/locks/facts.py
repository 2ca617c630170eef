"""What the formats have in common: what a lock holds, and where it departs from its manifest."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path


class UnreadableError(Exception):
    """A manifest or lock that is not in its own format; `path` is relative to the source."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path, self.message = path, message


@dataclass(frozen=True, slots=True)
class Problem:
    """One departure: where (the manifest's line, if there is one), what, and how to mend it."""

    rule: str
    path: str
    line: int
    message: str
    hint: str = ""


@dataclass(slots=True)
class Checked:
    """One lock that was compared: its packages (name to versions), the manifest's own requirements, the problems."""

    path: str
    manifest: str | None
    packages: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    asked: list[str] = field(default_factory=list[str])
    problems: list[Problem] = field(default_factory=list[Problem])
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Tree:
    """A source tree to read from."""

    root: Path

    def text(self, path: str) -> str:
        """Text of a file.

        Raises:
            UnreadableError: it is missing or no UTF-8.
        """
        try:
            return (self.root / path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UnreadableError(path, f"{path} cannot be read: {error}") from error

    def has(self, path: str) -> bool:
        """Whether the file is there."""
        return (self.root / path).is_file()


def line_of(text: str, name: str) -> int:
    """The first line of a manifest that names a package (in any spelling); 1 where none does."""
    pattern = re.compile(
        rf"(?<![\w.-]){re.sub('[-_.]+', '[-_.]+', re.escape(name).replace(chr(92) + '-', '-'))}(?![\w.])", re.IGNORECASE
    )
    for number, line in enumerate(text.splitlines(), 1):
        if pattern.search(line):
            return number
    return 1


def table(data: Any, *keys: str) -> dict[str, Any]:
    """The mapping under these nested keys; empty where any step is missing or no mapping."""
    found = _mapping(data)
    for key in keys:
        found = _mapping(found.get(key))
    return found


def _mapping(data: Any) -> dict[str, Any]:
    return data if isinstance(data, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def rows(data: Any) -> list[Any]:
    """The list, or an empty one for anything else."""
    return data if isinstance(data, list) else []  # pyright: ignore[reportUnknownVariableType]


def added(before: Checked | None, now: Checked) -> list[dict[str, Any]]:
    """Packages that `now` has and `before` had not, with versions and whether the manifest itself asks for them."""
    known = before.packages if before else {}
    return [
        {"name": name, "versions": versions, "direct": name in now.asked, "lock": now.path}
        for name, versions in sorted(now.packages.items())
        if name not in known
    ]
