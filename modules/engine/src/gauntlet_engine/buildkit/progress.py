"""What a daemon says while it works, as typed events."""

from __future__ import annotations

from dataclasses import dataclass


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
