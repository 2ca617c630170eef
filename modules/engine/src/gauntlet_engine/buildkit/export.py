"""Results brought to the host or to a registry."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tempfile
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal, Protocol

import anyio
from anyio import to_thread

from gauntlet_buildkit.api import control_pb2, filesync_pb2, gateway_pb2, ops_pb2
from gauntlet_engine.buildkit.build import open_build
from gauntlet_engine.buildkit.errors import HostPathError, SolveFailed
from gauntlet_engine.buildkit.http2 import INTERNAL, RpcStatus
from gauntlet_engine.buildkit.lifeline import background
from gauntlet_engine.buildkit.platform import host_platform, parse_platform
from gauntlet_engine.buildkit.unpack import UnpackError, unpack

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    from gauntlet_engine.buildkit.client import Client
    from gauntlet_engine.buildkit.http2 import Handler, Stream
    from gauntlet_engine.buildkit.session import Attachable, Attachables

Compression = Literal["gzip", "zstd", "estargz", "uncompressed"]
_CONFIG = "containerimage.config"


@dataclass(frozen=True)
class PushedImage:
    """What a push or image export yielded: name with digest, the manifest's digest and the config's."""

    name: str
    digest: str
    config_digest: str


async def export_local(
    client: Client,
    attachables: Attachables,
    definition: ops_pb2.Definition,
    destination: Path,
    *,
    path: str = "/",
    wipe: bool = False,
) -> None:
    """Write a result's tree into a host directory, created where missing, existing files overwritten.

    Args:
        client: the daemon.
        attachables: what the definition's sources may need (the build session's own).
        definition: the result to export.
        destination: host directory; no entry is ever written outside it, whatever the tree holds.
        path: the subtree to export.
        wipe: first remove what is in `destination` (only its contents, and only once the result is there).

    Raises:
        HostPathError: `destination` cannot be written.
        ExecFailed, SolveFailed: the result does not come to be.
    """
    if path.strip("/"):
        definition = _subtree(definition, path)
    async with _unpacking(destination, wipe=wipe) as sink:
        # As one tar: fsutil's own protocol asks for each file, and takes two to four times as long.
        await _export(client, attachables, {host_platform(): definition}, {}, "tar", {}, sink)


async def export_tar(
    client: Client, attachables: Attachables, definition: ops_pb2.Definition, destination: Path
) -> None:
    """Write a result's tree as a plain tar file (atomically)."""
    async with _writing(destination) as sink:
        await _export(client, attachables, {host_platform(): definition}, {}, "tar", {}, sink)


async def export_oci(
    client: Client,
    attachables: Attachables,
    definitions: Mapping[str, ops_pb2.Definition],
    configs: Mapping[str, Mapping[str, Any]],
    destination: Path,
    *,
    docker: bool = False,
    name: str = "",
    compression: Compression = "gzip",
    force_compression: bool = False,
    oci_media_types: bool = True,
) -> PushedImage:
    """Write an image as an OCI (or docker-loadable) tar file. Definitions and OCI configs by platform."""
    attrs = _image_attrs(name, compression, force_compression, oci_media_types and not docker)
    async with _writing(destination) as sink:
        kind = "docker" if docker else "oci"
        return _pushed(name, await _export(client, attachables, definitions, configs, kind, attrs, sink))


async def push_image(
    client: Client,
    attachables: Attachables,
    definitions: Mapping[str, ops_pb2.Definition],
    configs: Mapping[str, Mapping[str, Any]],
    name: str,
    *,
    insecure: bool = False,
    compression: Compression = "gzip",
    force_compression: bool = False,
    oci_media_types: bool = True,
) -> PushedImage:
    """Push an image to its registry; raises SolveFailed with the registry's own reason."""
    attrs = _image_attrs(name, compression, force_compression, oci_media_types)
    attrs |= {"push": "true", "registry.insecure": "true" if insecure else "false"}
    return _pushed(name, await _export(client, attachables, definitions, configs, "image", attrs, None))


def _image_attrs(name: str, compression: Compression, force: bool, oci: bool) -> dict[str, str]:
    attrs = {"compression": compression, "oci-mediatypes": "true" if oci else "false"}
    if name:
        attrs["name"] = name
    if force:
        attrs["force-compression"] = "true"
    return attrs


def _pushed(name: str, response: Mapping[str, str]) -> PushedImage:
    digest = response.get("containerimage.digest", "")
    return PushedImage(f"{name}@{digest}" if name else digest, digest, response.get("containerimage.config.digest", ""))


async def _export(
    client: Client,
    attachables: Attachables,
    definitions: Mapping[str, ops_pb2.Definition],
    configs: Mapping[str, Mapping[str, Any]],
    kind: str,
    attrs: Mapping[str, str],
    sink: Attachable | None,
) -> Mapping[str, str]:
    """Solve in a build and session of the export's own (4 ms), and hand its result to an exporter."""
    exporter = control_pb2.Exporter(Type=kind, Attrs=dict(attrs))
    extra = () if sink is None else (sink,)
    async with (
        client.session(attachables, extra=extra) as session,
        open_build(client, session, exporters=(exporter,)) as build,
    ):
        refs: dict[str, gateway_pb2.Ref] = {}
        for platform, definition in definitions.items():
            refs[platform] = gateway_pb2.Ref(id=(await build.solve(definition)).id)
        return await build.export(_result(refs, configs))


def _result(refs: Mapping[str, gateway_pb2.Ref], configs: Mapping[str, Mapping[str, Any]]) -> gateway_pb2.Result:
    if len(refs) == 1:
        (platform, ref), *_ = refs.items()
        config = configs.get(platform)
        metadata = {} if config is None else {_CONFIG: json.dumps(config).encode()}
        return gateway_pb2.Result(ref=ref, metadata=metadata)
    metadata = {f"{_CONFIG}/{name}": json.dumps(config).encode() for name, config in configs.items()}
    platforms = [{"ID": name, "Platform": _oci_platform(name)} for name in refs]
    metadata["refs.platforms"] = json.dumps({"Platforms": platforms}).encode()
    return gateway_pb2.Result(refs=gateway_pb2.RefMap(refs=dict(refs)), metadata=metadata)


def _oci_platform(name: str) -> dict[str, str]:
    platform = parse_platform(name)
    known = {"os": platform.OS, "architecture": platform.Architecture, "variant": platform.Variant}
    return {key: value for key, value in known.items() if value}


def _subtree(definition: ops_pb2.Definition, path: str) -> ops_pb2.Definition:
    """The definition whose result is `path` of the given one's: a copy in the daemon, so only it travels."""
    *ops, last = getattr(definition, "def")
    source = ops_pb2.Op.FromString(last).inputs[0]
    owner = ops_pb2.Op.FromString(ops[-1])
    copy = ops_pb2.FileActionCopy(
        src=path, dest="/", mode=-1, timestamp=-1, followSymlink=True, dirCopyContents=True, createDestPath=True
    )
    action = ops_pb2.FileAction(input=-1, secondaryInput=0, output=0, copy=copy)
    op = ops_pb2.Op(
        inputs=[source],
        file=ops_pb2.FileOp(actions=[action]),
        platform=owner.platform,
        constraints=ops_pb2.WorkerConstraints(),
    ).SerializeToString(deterministic=True)
    terminal = ops_pb2.Op(inputs=[ops_pb2.Input(digest=_digest(op), index=0)])
    extended = ops_pb2.Definition(metadata=definition.metadata)
    getattr(extended, "def").extend([*ops, op, terminal.SerializeToString(deterministic=True)])
    return extended


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class _Target(Protocol):
    async def write(self, data: bytes) -> None: ...


class _Sink:
    """`FileSend/DiffCopy`: takes what one exporter sends, byte for byte."""

    def __init__(self, target: _Target) -> None:
        self._target = target

    def handlers(self) -> Mapping[str, Handler]:
        return {"/moby.filesync.v1.FileSend/DiffCopy": self._receive}

    async def _receive(self, stream: Stream) -> None:
        try:
            while (message := await stream.receive()) is not None:
                await self._target.write(filesync_pb2.BytesMessage.FromString(message).data)
        except OSError as error:
            raise RpcStatus(INTERNAL, f"the host cannot take it: {error.strerror}") from None


class _File:
    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    async def write(self, data: bytes) -> None:
        await to_thread.run_sync(self._file.write, data)


@asynccontextmanager
async def _writing(destination: Path) -> AsyncGenerator[_Sink]:
    """A sink into a file that appears, whole, when the block ends without an error."""
    with _appearing(destination) as file:
        yield _Sink(_File(file))


@contextmanager
def _appearing(destination: Path) -> Generator[IO[bytes]]:
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=destination.parent, prefix=f".{destination.name}.")
    except OSError as error:
        raise HostPathError(f"cannot write {destination}: {error.strerror}") from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        mask = os.umask(0)
        os.umask(mask)
        Path(part).chmod(0o666 & ~mask)
        Path(part).replace(destination)
    except BaseException:
        Path(part).unlink(missing_ok=True)
        raise


@asynccontextmanager
async def _unpacking(destination: Path, *, wipe: bool) -> AsyncGenerator[_Sink]:
    """A sink that unpacks a tar stream into a directory while it comes."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    failure: list[UnpackError] = []

    def work() -> None:
        with io.BufferedReader(io.FileIO(reading, "rb"), 1 << 20) as stream:
            # Nothing at all means that the export failed before its first byte: touch nothing then.
            if stream.peek(1):
                try:
                    unpack(stream, destination, wipe=wipe)
                except UnpackError as error:
                    failure.append(error)

    unpacked = anyio.Event()

    async def unpacking() -> None:
        await to_thread.run_sync(work)
        unpacked.set()

    pipe = os.fdopen(writing, "wb", buffering=0)
    async with background() as tasks:
        tasks.start_soon(unpacking)
        try:
            yield _Sink(_File(pipe))
        except SolveFailed:
            pipe.close()
            await unpacked.wait()
            if not failure:
                raise
        finally:
            pipe.close()  # also tells the thread that nothing more comes: the task group waits for it
        await unpacked.wait()
    if failure:
        raise HostPathError(str(failure[0]))
