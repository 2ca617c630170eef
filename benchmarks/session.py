"""An engine session and a Dagger client on it, in this process."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from typing import TYPE_CHECKING

import dagger

from gauntlet.cli import quick_client
from gauntlet_engine.session import open_session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from gauntlet_engine.session import EngineHandle
    from gauntlet_engine.state import StateDirs


@asynccontextmanager
async def connected(
    state: StateDirs | None = None, log: Callable[[str], None] | None = None, *, in_process: bool = False
) -> AsyncGenerator[EngineHandle]:
    """Serve and connect until the block ends; the daemon is this user's own unless `state` says otherwise.

    `in_process` connects as `gauntlet` does, else by HTTP as any script.
    """
    async with open_session(state=state, log=log) as handle:
        os.environ["DAGGER_SESSION_PORT"], os.environ["DAGGER_SESSION_TOKEN"] = str(handle.port), handle.token
        async with AsyncExitStack() as stack:
            if in_process:
                quick_client.quicken()
            with quick_client.in_process(handle.answer) if in_process else nullcontext():
                await stack.enter_async_context(dagger.connection(dagger.Config()))
            yield handle
