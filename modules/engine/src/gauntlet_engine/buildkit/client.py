"""The channel to one BuildKit daemon."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import anyio

from gauntlet_buildkit.api import control_pb2
from gauntlet_engine.buildkit.build import open_build
from gauntlet_engine.buildkit.channel import open_channel
from gauntlet_engine.buildkit.errors import DaemonGone, EngineError
from gauntlet_engine.buildkit.faults import RpcFault, plain_error
from gauntlet_engine.buildkit.session import Attachable, Attachables, Session, open_session

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from gauntlet_engine.buildkit.build import Build
    from gauntlet_engine.buildkit.channel import Channel, Readable, Writable

R = TypeVar("R", bound="Readable")
_CONTROL = "/moby.buildkit.v1.Control/"


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

    def __init__(self, channel: Channel, address: str) -> None:
        self.channel = channel
        self.address = address

    async def info(self) -> DaemonInfo:
        """Version and platforms; raises DaemonGone."""
        info = await self._control("Info", control_pb2.InfoRequest(), control_pb2.InfoResponse)
        workers = await self._control("ListWorkers", control_pb2.ListWorkersRequest(), control_pb2.ListWorkersResponse)
        platforms = dict.fromkeys(
            "/".join(filter(None, (p.OS, p.Architecture, p.Variant))) for w in workers.record for p in w.platforms
        )
        return DaemonInfo(info.buildkitVersion.version, tuple(platforms))

    async def alive(self, *, timeout_s: float = 2.0) -> bool:
        """Whether the daemon answers within `timeout_s` seconds."""
        try:
            await self.channel.unary(
                _CONTROL + "Info", control_pb2.InfoRequest(), control_pb2.InfoResponse, timeout_s=timeout_s
            )
        except RpcFault as fault:
            return fault.code not in {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
        return True

    async def disk_usage(self) -> list[CacheRecord]:
        """Every record of the daemon's state."""
        usage = await self._control("DiskUsage", control_pb2.DiskUsageRequest(), control_pb2.DiskUsageResponse)
        return [
            CacheRecord(
                id=record.ID,
                description=record.Description,
                kind=record.RecordType,
                size=record.Size,
                in_use=record.InUse,
                created_at=record.CreatedAt.ToNanoseconds() / 1e9,
                last_used_at=record.LastUsedAt.ToNanoseconds() / 1e9 if record.HasField("LastUsedAt") else None,
            )
            for record in usage.record
        ]

    async def prune(self, *, everything: bool = False, max_used_bytes: int = 0) -> int:
        """Remove unused records, down to `max_used_bytes`; returns the bytes freed.

        Args:
            everything: also internal and shared records, such as pulled images' layers.
            max_used_bytes: keep the most recently used records up to this size.
        """
        request = control_pb2.PruneRequest(all=everything, maxUsedSpace=max_used_bytes)
        freed = 0
        try:
            async for record in self.channel.stream(_CONTROL + "Prune", request, control_pb2.UsageRecord):
                freed += record.Size
        except RpcFault as fault:
            raise await self.error(fault) from None
        return freed

    async def error(self, fault: RpcFault) -> EngineError:
        """The typed error of a failed call: UNAVAILABLE may be the daemon's own end or a registry's, so ask."""
        if fault.code == "UNAVAILABLE" and not await self.alive():
            return DaemonGone(f"The BuildKit daemon at {self.address} went away: {fault.message}")
        return plain_error(fault)

    @asynccontextmanager
    async def session(
        self, attachables: Attachables | None = None, *, extra: Sequence[Attachable] = ()
    ) -> AsyncGenerator[Session]:
        """A session that offers `attachables` (default: new, empty ones) to the daemon. Opens in about 4 ms.

        Args:
            attachables: what the daemon may read.
            extra: services of this session alone, such as an export's sink.
        """
        async with open_session(self.channel, attachables or Attachables(), extra) as session:
            yield session

    @asynccontextmanager
    async def build(self, session: Session, *, entitlements: Sequence[str] = ()) -> AsyncGenerator[Build]:
        """A build that holds every result solved in it until the block ends."""
        async with open_build(self, session, entitlements) as build:
            yield build

    async def _control(self, method: str, request: Writable, response: type[R]) -> R:
        try:
            return await self.channel.unary(_CONTROL + method, request, response)
        except RpcFault as fault:
            raise await self.error(fault) from None


@asynccontextmanager
async def connect(address: str, *, timeout_s: float = 10.0) -> AsyncGenerator[Client]:
    """Connect to `unix:///path` or `tcp://host:port`.

    Raises:
        DaemonGone: nobody answers there within `timeout_s` seconds.
        EngineError: the address is of another kind.
    """
    async with open_channel(_target(address)) as channel:
        with anyio.move_on_after(timeout_s) as waiting:
            await channel.ready()
        if waiting.cancelled_caught:
            raise DaemonGone(f"No BuildKit daemon answers at {address} (waited {timeout_s:g} s).")
        yield Client(channel, address)


def _target(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme == "unix" and parts.path:
        return f"unix:{parts.path}"
    if parts.scheme == "tcp" and parts.hostname and parts.port:
        return parts.netloc
    raise EngineError(
        f"Not a BuildKit address: {address!r}.", remedy="Write unix:///path/to/socket or tcp://host:port."
    )
