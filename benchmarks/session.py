"""An engine session and a Dagger client on it, in this process."""

from __future__ import annotations

import os
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import dagger

from gauntlet_engine.session import open_session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from gauntlet_engine.session import EngineHandle
    from gauntlet_engine.state import StateDirs


@asynccontextmanager
async def connected(
    state: StateDirs | None = None, log: Callable[[str], None] | None = None
) -> AsyncGenerator[EngineHandle]:
    """Serve and connect until the block ends; the daemon is this user's own unless `state` says otherwise."""
    async with open_session(state=state, log=log) as handle:
        os.environ["DAGGER_SESSION_PORT"], os.environ["DAGGER_SESSION_TOKEN"] = str(handle.port), handle.token
        async with dagger.connection(dagger.Config()):
            yield handle
