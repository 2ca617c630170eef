"""What the exec shim left behind when a process failed."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from gauntlet_buildkit.api import gateway_pb2, ops_pb2
from gauntlet_engine.buildkit.faults import RpcFault

if TYPE_CHECKING:
    from gauntlet_engine.buildkit.build import Build
    from gauntlet_engine.buildkit.faults import SolveFault

META_MOUNT = "/.gauntlet/meta"
"""Where the exec shim writes `stdout`, `stderr`, `combined` and `exit-code`; read here when an exec fails."""

_LIMIT = 16 << 20  # bytes kept of each stream's end: an error is for reading, and holds this in memory
_RANGE = 4 << 20


@dataclass(frozen=True)
class Meta:
    """The shim's record: the process's own exit code, and the last 16 MiB of each stream."""

    exit_code: int
    stdout: bytes
    stderr: bytes


async def read_meta(build: Build, fault: SolveFault) -> Meta | None:
    """The record of a failed exec, None where the op has no meta mount.

    The mounts of a failed op are reachable only through a container (buildkit's ReadFile knows no such
    reference), so one is made without ever starting a process in it: about 50 ms.
    """
    if fault.op is None or fault.exit_code is None:
        return None
    mount_id = next(
        (i for mount, i in zip(fault.op.exec.mounts, fault.mount_ids, strict=False) if mount.dest == META_MOUNT), ""
    )
    if not mount_id:
        return None
    container = secrets.token_hex(13)
    request = gateway_pb2.NewContainerRequest(
        ContainerID=container, Mounts=[ops_pb2.Mount(dest="/", resultID=mount_id, input=-1)]
    )
    try:
        await build.guarded("NewContainer", request, gateway_pb2.NewContainerResponse)
        code = await _tail(build, container, "/exit-code")
        stdout = await _tail(build, container, "/stdout")
        stderr = await _tail(build, container, "/stderr")
    finally:
        with anyio.move_on_after(5, shield=True):
            await _release(build, container)
    return Meta(_number(code, fault.exit_code), stdout, stderr)


def _number(text: bytes, fallback: int) -> int:
    try:
        return int(text)
    except ValueError:
        return fallback  # the shim itself was killed before it could write


async def _tail(build: Build, container: str, name: str) -> bytes:
    try:
        stat = await build.guarded(
            "StatFileContainer", gateway_pb2.StatFileRequest(Ref=container, Path=name), gateway_pb2.StatFileResponse
        )
        start = max(0, stat.stat.size - _LIMIT)
        pieces: list[bytes] = []
        for offset in range(start, stat.stat.size, _RANGE):
            length = min(_RANGE, stat.stat.size - offset)
            request = gateway_pb2.ReadFileRequest(
                Ref=container, FilePath=name, Range=gateway_pb2.FileRange(Offset=offset, Length=length)
            )
            answer = await build.guarded("ReadFileContainer", request, gateway_pb2.ReadFileResponse)
            pieces.append(answer.Data)
        return b"".join(pieces)
    except RpcFault:
        return b""  # not written: the process never came that far


async def _release(build: Build, container: str) -> None:
    request = gateway_pb2.ReleaseContainerRequest(ContainerID=container)
    try:
        await build.guarded("ReleaseContainer", request, gateway_pb2.ReleaseContainerResponse)
    except RpcFault:
        return  # it was never made, or went with its build
