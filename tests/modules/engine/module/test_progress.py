from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gauntlet_engine.buildkit import VertexCompleted, VertexLog, VertexStarted
from gauntlet_engine.module.progress import ANSWERED, Follower, Lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gauntlet_engine.buildkit import Event

PROCESS = "sha256:process"


@given(st.text(alphabet="ab\né", max_size=30), st.integers(1, 7))
def test_lines_are_whole_however_they_arrive(text: str, size: int) -> None:
    lines = Lines()
    data = text.encode()
    told = [line for at in range(0, len(data), size) for line in lines.feed(data[at : at + size])]
    assert "\n".join([*told, *lines.end()]).rstrip("\n") == text.rstrip("\n")


@pytest.mark.anyio
async def test_only_the_module_s_own_output_is_told_and_never_the_marks() -> None:
    told: list[str] = []
    follower = Follower(told.append)
    follower.expect(PROCESS)
    mark = f"{ANSWERED}\n".encode()

    async def events() -> AsyncIterator[Event]:
        yield VertexStarted(PROCESS, "process", (), 0.0)
        yield VertexLog(PROCESS, 1, b"one\ntw")
        yield VertexLog("sha256:other", 1, b"a stage's own words\n")
        yield VertexLog(PROCESS, 1, b"o" + mark)
        yield VertexLog(PROCESS, 2, mark)
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        group.start_soon(follower.follow, events())
        with anyio.fail_after(60):
            await follower.settled(1, within_s=60)
        group.cancel_scope.cancel()
    assert told == ["one", "two"]


@pytest.mark.anyio
async def test_a_process_that_is_over_is_waited_for_no_longer() -> None:
    told: list[str] = []
    follower = Follower(told.append)
    follower.expect(PROCESS)

    async def events() -> AsyncIterator[Event]:
        yield VertexStarted(PROCESS, "process", (), 0.0)
        yield VertexLog(PROCESS, 2, b"last words")
        yield VertexCompleted(PROCESS, "process", cached=False, error="exit code: 1", duration_s=0.1)

    async with anyio.create_task_group() as group:
        group.start_soon(follower.follow, events())
        with anyio.fail_after(60):
            await follower.settled(3, within_s=60)
    assert told == ["last words"]


@pytest.mark.anyio
async def test_a_slow_step_of_the_build_is_named_and_a_quick_one_is_not() -> None:
    told: list[str] = []
    follower = Follower(told.append)
    follower.expect(PROCESS)

    async def events() -> AsyncIterator[Event]:
        yield VertexStarted("sha256:quick", "exec quick", (), 0.0)
        yield VertexCompleted("sha256:quick", "exec quick", cached=True, error="", duration_s=0.0)
        yield VertexStarted("sha256:slow", "exec slow", (), 0.0)
        await anyio.sleep(0.8)

    await follower.follow(events())
    assert told == ["building the module: exec slow"]
