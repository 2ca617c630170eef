"""The daemon: found, started, kept alive while used, and stopped when idle."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from gauntlet_engine.state import StateDirs


@asynccontextmanager
async def running_daemon(
    state: StateDirs, environ: Mapping[str, str], *, log: Callable[[str], None] | None = None
) -> AsyncIterator[str]:
    """Address of a responding daemon, held (not stopped as idle) until the block ends.

    BUILDKIT_HOST in `environ` names one that is not ours; else ours is found or started under `state`.

    Raises:
        DaemonGone: it cannot be started or does not answer; the message says what is missing and how to get it.
    """
    raise NotImplementedError
    yield
