"""What the engine and the client's libraries log during a run: into a report, not into the middle of the board."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

# More is a loop that logs; its beginning says enough.
MOST_LINES = 20_000


class EngineLog(logging.Handler):
    """Collects log records and lines as text."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
        self._lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        self.line(self.format(record))

    def line(self, text: str) -> None:
        """Keep a line."""
        if len(self._lines) < MOST_LINES:
            self._lines.append(text)

    @property
    def text(self) -> str:
        """Everything that was kept."""
        return "".join(f"{line}\n" for line in self._lines)


@contextmanager
def engine_log() -> Generator[EngineLog]:
    """Collect what is logged inside the block; with GAUNTLET_DEBUG it is printed to standard error as well."""
    collected = EngineLog()
    handlers: list[logging.Handler] = [collected]
    if os.environ.get("GAUNTLET_DEBUG"):
        handlers.append(logging.StreamHandler())
    root = logging.getLogger()
    for handler in handlers:
        root.addHandler(handler)
    try:
        yield collected
    finally:
        for handler in handlers:
            root.removeHandler(handler)
