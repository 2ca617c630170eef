"""What a person sees of a module while it is built and runs: slow steps by name, and its own output line by line."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from gauntlet_engine.buildkit import EngineError, VertexCompleted, VertexLog, VertexStarted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gauntlet_engine.buildkit import Event

ANSWERED = "\x1egauntlet: answered\x1e"
"""The line that entry.py ends each answer with, in both streams."""

_SLOW_S = 0.5
_STREAMS: tuple[int, ...] = (1, 2)


class Lines:
    """Whole lines out of pieces of one stream."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, piece: bytes) -> list[str]:
        """The lines that this piece completes; bytes that are no UTF-8 are shown as such."""
        *whole, self._rest = (self._rest + piece).split(b"\n")
        return [line.decode(errors="replace") for line in whole]

    def end(self) -> list[str]:
        """What is left without a line end."""
        rest, self._rest = self._rest, b""
        return [rest.decode(errors="replace")] if rest else []


class Follower:
    """Tells `say` a line at a time what the module's process writes, and before that which step of its build is slow.

    The process marks the end of each answer in both of its streams, so that `settled` knows when all has been told.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._process = ""
        self._begun = False
        self._building: set[str] = set()
        self._lines = {stream: Lines() for stream in _STREAMS}
        self._marks = dict.fromkeys(_STREAMS, 0)
        self._over = False
        self._changed = anyio.Event()

    def expect(self, digest: str) -> None:
        """The process's op."""
        self._process = digest

    async def follow(self, events: AsyncIterator[Event]) -> None:
        """Read events until they end; what ends them is for others to tell."""
        async with anyio.create_task_group() as group:
            with suppress(EngineError):
                async for event in events:
                    if isinstance(event, VertexStarted) and not self._begun:
                        self._begun = event.digest == self._process
                        self._building.add(event.digest)
                        group.start_soon(self._name_if_slow, event)
                    else:
                        self._take(event)
                    self._tell()
            self._over = True
            self._tell()
            group.cancel_scope.cancel()

    def _take(self, event: Event) -> None:
        if isinstance(event, VertexCompleted):
            self._building.discard(event.digest)
            self._over |= event.digest == self._process
        elif isinstance(event, VertexLog) and event.digest == self._process:
            self._log(event)

    async def settled(self, answers: int, *, within_s: float = 1.0) -> None:
        """Wait until everything is told that was written before that many answers, or the process is over."""
        with anyio.move_on_after(within_s):
            while not (self._over or min(self._marks.values()) >= answers):
                await self._changed.wait()
        for lines in self._lines.values():
            for line in lines.end():
                self._say(line)

    def _log(self, event: VertexLog) -> None:
        for line in self._lines[event.stream].feed(event.data):
            if line.endswith(ANSWERED):
                self._marks[event.stream] += 1
                line = line.removesuffix(ANSWERED)  # noqa: PLW2901  # what stood before the mark had no line end
                if not line:
                    continue
            self._say(line)

    async def _name_if_slow(self, event: VertexStarted) -> None:
        await anyio.sleep(_SLOW_S)
        if event.digest in self._building and not self._begun:
            self._say(f"building the module: {event.name}")

    def _tell(self) -> None:
        self._changed.set()
        self._changed = anyio.Event()
