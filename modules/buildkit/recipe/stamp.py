"""What was built from what: the reason why an unchanged rebuild does nothing."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def digest_files(root: Path, paths: Iterable[Path]) -> str:
    """One digest over names and contents of files; a missing file counts as such."""
    total = hashlib.sha256()
    for path in sorted(paths):
        name = path.relative_to(root).as_posix()
        content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
        total.update(f"{name}\0{content}\n".encode())
    return total.hexdigest()


def digest_values(values: Mapping[str, str]) -> str:
    """One digest over named values."""
    return hashlib.sha256(json.dumps(dict(values), sort_keys=True).encode()).hexdigest()


class Stamp:
    """The record of earlier builds: for each part the digests of its inputs and of what came out."""

    def __init__(self, path: Path) -> None:
        """Reads the record; one that is missing or damaged is an empty one."""
        self._path = path
        try:
            record = json.loads(path.read_text())
        except (OSError, ValueError):
            record = {}
        self._parts: dict[str, list[str]] = record if isinstance(record, dict) else {}

    def fresh(self, part: str, inputs: str, outputs: str) -> bool:
        """Whether the part was built from these inputs and nobody touched the result since."""
        return self._parts.get(part) == [inputs, outputs]

    def forget(self, part: str) -> None:
        """Call before building: a build that dies half-way must not look complete."""
        self._parts.pop(part, None)
        self._save()

    def remember(self, part: str, inputs: str, outputs: str) -> None:
        """Call when the part's outputs are in place."""
        self._parts[part] = [inputs, outputs]
        self._save()

    def _save(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.write_text(json.dumps(self._parts, indent=1))
        new.replace(self._path)
