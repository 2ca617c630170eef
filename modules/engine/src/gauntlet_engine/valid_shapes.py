"""Which shapes of documents are known to be valid, remembered from session to session."""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

import graphql

if TYPE_CHECKING:
    from pathlib import Path

logger = logging.getLogger(__name__)

_KEPT = 20_000
"""Shapes in a file, 33 bytes each; where there are more it starts anew."""


class ValidShapes:
    """Shapes that passed validation against one schema by one version of graphql-core.

    Sessions only append whole lines, so that several may write at once. A file that cannot be read or written costs the
    time of validation and nothing else.

    Args:
        folder: where the file is; need not exist.
        sdl: the schema.
    """

    def __init__(self, folder: Path, sdl: str) -> None:
        version = hashlib.sha256(f"{graphql.version}\n{sdl}".encode()).hexdigest()[:32]
        self._path = folder / f"valid-shapes-{version}.txt"
        self._known: set[str] | None = None

    def __contains__(self, shape: str) -> bool:
        return _digest(shape) in self._read()

    def add(self, shape: str) -> None:
        """Remember a valid shape."""
        known, digest = self._read(), _digest(shape)
        if digest in known:
            return
        full = len(known) >= _KEPT
        if full:
            known.clear()
        known.add(digest)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("w" if full else "a", encoding="ascii") as file:
                file.write(f"{digest}\n")
        except OSError as error:
            logger.debug("valid shapes are not remembered: %s", error)

    def _read(self) -> set[str]:
        if self._known is None:
            try:
                self._known = set(self._path.read_text(encoding="ascii").split())
            except (OSError, UnicodeDecodeError):
                self._known = set()
        return self._known


def _digest(shape: str) -> str:
    return hashlib.sha256(shape.encode()).hexdigest()[:32]
