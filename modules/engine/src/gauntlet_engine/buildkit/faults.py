"""A gRPC status from the daemon, and what it means to us."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from google.protobuf import json_format

from gauntlet_buildkit.api import errdefs_pb2
from gauntlet_engine.buildkit.errors import HostPathError, NotFound, SolveCancelled, SolveFailed
from gauntlet_engine.buildkit.wire import decode_list

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gauntlet_buildkit.api import ops_pb2
    from gauntlet_engine.buildkit.errors import EngineError


HOST_PATH_MARK = "host path: "
"""Set before a message of ours that travels through the daemon and comes back as part of its error."""


# Where the daemon mounts a result to read it: its own business, and different each time.
_INTERNAL_PATH = re.compile(r"/\S*?/buildkit-mount\d+")


class RpcFault(Exception):
    """A call ended with a status other than OK. Never leaves this package.

    Attributes:
        code: the status's name, such as UNAVAILABLE.
        message: the daemon's own words.
        details: serialised google.rpc.Status with typed details, maybe empty.
    """

    def __init__(self, code: str, message: str, details: bytes = b"") -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.details = details


@dataclass(frozen=True)
class SolveFault:
    """The typed details of a failed solve; empty values where the daemon gave none."""

    exit_code: int | None
    vertex: str
    op: ops_pb2.Op | None
    mount_ids: tuple[str, ...]


def solve_fault(fault: RpcFault) -> SolveFault:
    """Read the details that BuildKit attaches: each is an Any whose value is JSON, told apart by its type URL."""
    exit_code: int | None = None
    vertex = ""
    solve = errdefs_pb2.Solve()
    for kind, value in _details(fault.details):
        if kind == "gatewayapi.ExitMessage+json":
            exit_code = int(json.loads(value).get("Code", 0))
        elif kind == "errdefs.Vertex+json":
            vertex = vertex or str(json.loads(value).get("digest", ""))
        elif kind == "errdefs.Solve+json":
            json_format.Parse(value, solve, ignore_unknown_fields=True)
    return SolveFault(exit_code, vertex, solve.op if solve.HasField("op") else None, tuple(solve.mountIDs))


def _details(status: bytes) -> Iterator[tuple[str, bytes]]:
    """(type's name, JSON) of google.rpc.Status.details = 3, each an Any{type_url = 1, value = 2}."""
    for detail in decode_list(status, 3):
        yield b"".join(decode_list(detail, 1)).decode().rpartition("/")[2], b"".join(decode_list(detail, 2))


def plain_error(fault: RpcFault) -> EngineError:
    """The typed error of a fault that is neither a lost connection nor a process's exit code."""
    if HOST_PATH_MARK in fault.message:
        return HostPathError(fault.message.rpartition(HOST_PATH_MARK)[2])
    message = _INTERNAL_PATH.sub("", fault.message).removeprefix("rpc error: code = NotFound desc = ")
    if fault.code == "NOT_FOUND" or message.endswith((": not found", ": no such file or directory")):
        return NotFound(message)
    if fault.code == "CANCELLED":
        return SolveCancelled(message)
    return SolveFailed(message, vertex=solve_fault(fault).vertex)
