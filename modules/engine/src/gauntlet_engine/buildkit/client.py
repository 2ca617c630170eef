"""The channel to one BuildKit daemon."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from gauntlet_engine.buildkit.build import Build
    from gauntlet_engine.buildkit.session import Attachables, Session


@dataclass(frozen=True)
class DaemonInfo:
    """What a daemon says of itself: version ("v0.33.1"), its workers' platforms ("linux/amd64", first = native)."""

    version: str
    platforms: tuple[str, ...]


@dataclass(frozen=True)
class CacheRecord:
    """One record of the daemon's state. Size in bytes; times in seconds since the epoch (None: never)."""

    id: str
    description: str
    kind: str
    size: int
    in_use: bool
    created_at: float
    last_used_at: float | None


class Client:
    """One daemon. Made by `connect`; all calls may run concurrently."""

    async def info(self) -> DaemonInfo:
        """Version and platforms; raises DaemonGone."""
        raise NotImplementedError

    async def disk_usage(self) -> list[CacheRecord]:
        """Every record of the daemon's state."""
        raise NotImplementedError

    async def prune(self, *, everything: bool = False, max_used_bytes: int = 0) -> int:
        """Remove unused records, down to `max_used_bytes`; returns the bytes freed."""
        raise NotImplementedError

    @asynccontextmanager
    async def session(self, attachables: Attachables | None = None) -> AsyncIterator[Session]:
        """A session that offers `attachables` (default: new, empty ones) to the daemon. Opens in about 4 ms."""
        raise NotImplementedError
        yield

    @asynccontextmanager
    async def build(self, session: Session, *, entitlements: Sequence[str] = ()) -> AsyncIterator[Build]:
        """A build that holds every result solved in it until the block ends."""
        raise NotImplementedError
        yield


@asynccontextmanager
async def connect(address: str, *, timeout_s: float = 10.0) -> AsyncIterator[Client]:
    """Connect to `unix:///path` or `tcp://host:port`.

    Raises:
        DaemonGone: nobody answers there within `timeout_s` seconds.
    """
    raise NotImplementedError
    yield
