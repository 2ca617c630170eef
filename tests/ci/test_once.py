from __future__ import annotations

import anyio
import pytest

from gauntlet.once import Once

pytestmark = pytest.mark.anyio


async def test_all_who_ask_at_once_get_what_the_first_one_made() -> None:
    made: list[int] = []
    found: list[int] = []
    once: Once[int] = Once()

    async def make() -> int:
        await anyio.sleep(0.01)
        made.append(len(made))
        return made[-1]

    async def ask() -> None:
        found.append(await once.get(make))

    async with anyio.create_task_group() as tasks:
        for _ in range(5):
            tasks.start_soon(ask)
    assert (made, found) == ([0], [0] * 5)


async def test_an_error_is_the_askers_own_and_the_next_one_tries_again() -> None:
    once: Once[str] = Once()

    async def fail() -> str:
        raise OSError

    async def work() -> str:
        return "made"

    with pytest.raises(OSError):  # noqa: PT011 - ours has no text
        await once.get(fail)
    assert await once.get(work) == "made"
    assert await once.get(fail) == "made"


async def test_who_is_cancelled_while_making_keeps_nobody_waiting() -> None:
    once: Once[str] = Once()

    async def work() -> str:
        return "made"

    with anyio.move_on_after(0.01):
        await once.get(anyio.sleep_forever)  # pyright: ignore[reportArgumentType]  # never gives anything
    assert await once.get(work) == "made"
