"""What the stages' processes write, while they write it: the embedded engine's progress, told to the board."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gauntlet.events import Output

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gauntlet.events import Listener
    from gauntlet_engine.buildkit import Event

# The engine puts the label of `_GAUNTLET_CONFINEMENT` in front of an exec's name.
_LABEL = re.compile(r"\[([^\]\s]+)\] exec ")


async def relay(events: AsyncIterator[Event], tell: Listener) -> None:
    """Tell the last line of every piece of output that belongs to a stage, until the engine's session ends."""
    from gauntlet_engine.buildkit import VertexLog, VertexStarted  # noqa: PLC0415 - an extra

    stages: dict[str, str] = {}
    async for event in events:
        if isinstance(event, VertexStarted):
            if labelled := _LABEL.match(event.name):
                stages[event.digest] = labelled[1]
        elif isinstance(event, VertexLog) and event.digest in stages:
            lines = event.data.decode("utf-8", "replace").split("\n")
            if last := next((line for line in reversed(lines) if line.strip()), ""):
                tell(Output(stages[event.digest], last))
