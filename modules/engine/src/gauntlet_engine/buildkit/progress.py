"""What a daemon says while it works, as typed events."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gauntlet_buildkit.api import control_pb2
from gauntlet_engine.buildkit.faults import RpcFault, plain_error

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from gauntlet_engine.buildkit.channel import Channel

_STATUS = "/moby.buildkit.v1.Control/Status"


@dataclass(frozen=True)
class VertexStarted:
    """An op began. `digest` is the op's, `time` seconds since the epoch."""

    digest: str
    name: str
    inputs: tuple[str, ...]
    time: float


@dataclass(frozen=True)
class VertexCompleted:
    """An op ended: from cache, with a result, or with `error` (empty: fine)."""

    digest: str
    name: str
    cached: bool
    error: str
    duration_s: float


@dataclass(frozen=True)
class VertexLog:
    """Output of an op's process as it came: `stream` 1 is stdout, 2 stderr. Already scrubbed by the shim."""

    digest: str
    stream: int
    data: bytes


@dataclass(frozen=True)
class VertexStatus:
    """Progress inside an op (a pull, a transfer); bytes where `total` is non-zero."""

    digest: str
    id: str
    name: str
    current: int
    total: int


Event = VertexStarted | VertexCompleted | VertexLog | VertexStatus


async def read_status(channel: Channel, build_ref: str) -> AsyncIterator[Event]:
    """Events of a build from its start until it ends, or the daemon does."""
    translate = StatusTranslator()
    request = control_pb2.StatusRequest(Ref=build_ref)
    try:
        async for response in channel.stream(_STATUS, request, control_pb2.StatusResponse):
            for event in translate(response):
                yield event
    except RpcFault as fault:
        # The build's own calls say why it ended; progress only stops.
        if fault.code not in {"CANCELLED", "UNAVAILABLE", "NOT_FOUND", "UNKNOWN"}:
            raise plain_error(fault) from None


class StatusTranslator:
    """Makes events of one build's status messages, each start and completion told once."""

    def __init__(self) -> None:
        self._started: set[str] = set()
        self._completed: set[str] = set()

    def __call__(self, response: control_pb2.StatusResponse) -> Iterator[Event]:
        """Events of one message, in order."""
        for vertex in response.vertexes:
            yield from self._vertex(vertex)
        for status in response.statuses:
            yield VertexStatus(status.vertex, status.ID, status.name, status.current, status.total)
        for log in response.logs:
            yield VertexLog(log.vertex, log.stream, log.msg)

    def _vertex(self, vertex: control_pb2.Vertex) -> Iterator[Event]:
        # The daemon repeats a vertex at each change; one that is asked for again after its end starts anew.
        started = vertex.started.ToNanoseconds() / 1e9
        key = f"{vertex.digest}@{started}"
        if vertex.HasField("started") and key not in self._started:
            self._started.add(key)
            yield VertexStarted(vertex.digest, vertex.name, tuple(vertex.inputs), started)
        if vertex.HasField("completed") and key not in self._completed:
            self._completed.add(key)
            duration = vertex.completed.ToNanoseconds() / 1e9 - started
            yield VertexCompleted(vertex.digest, vertex.name, vertex.cached, vertex.error, max(0.0, duration))
