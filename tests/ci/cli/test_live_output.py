from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gauntlet.cli.live_output import relay
from gauntlet.events import Event, Output
from gauntlet_engine.buildkit import VertexCompleted, VertexLog, VertexStarted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gauntlet_engine.buildkit import Event as EngineEvent

EVENTS: tuple[EngineEvent, ...] = (
    VertexStarted("sha256:1", "[test:unit] exec python3 -m gauntlet_checks.run -- pytest", (), 0.0),
    VertexStarted("sha256:2", "exec uv sync", (), 0.0),
    VertexStarted("sha256:3", "[x] not an exec", (), 0.0),
    VertexLog("sha256:1", 1, b"first\nsecond\n\n"),
    VertexLog("sha256:2", 1, b"nobody's\n"),
    VertexLog("sha256:3", 1, b"nobody's either\n"),
    VertexLog("sha256:9", 1, b"unknown\n"),
    VertexLog("sha256:1", 2, b"caf\xe9"),
    VertexLog("sha256:1", 2, b"\n \n"),
    VertexCompleted("sha256:1", "", cached=False, error="", duration_s=1.0),
)


@pytest.mark.anyio
async def test_the_last_line_of_what_a_stages_exec_writes_reaches_its_row() -> None:
    async def events() -> AsyncIterator[EngineEvent]:
        for event in EVENTS:
            yield event

    told: list[Event] = []
    await relay(events(), told.append)
    assert told == [Output("test:unit", "second"), Output("test:unit", "caf\ufffd")]
