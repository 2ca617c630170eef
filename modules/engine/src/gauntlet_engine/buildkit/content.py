"""OCI layouts of the host, served to the daemon as a content store."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyio import to_thread
from google.protobuf import empty_pb2

from gauntlet_buildkit.api import content_pb2
from gauntlet_engine.buildkit.http2 import INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, RpcStatus, Stream, unary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gauntlet_engine.buildkit.http2 import Handler

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")
_PIECE = 512 << 10
_ALREADY_EXISTS = 6
_SERVICE = "/containerd.services.content.v1.Content/"


@dataclass(frozen=True)
class OciLayout:
    """A directory in OCI image layout (`oci-layout`, `index.json`, `blobs/sha256/…`)."""

    path: Path
    writable: bool = False

    def blob(self, digest: str) -> Path:
        """Where the blob is or would be. Raises RpcStatus for anything that is no sha256 digest."""
        if not _DIGEST.match(digest):
            raise RpcStatus(INVALID_ARGUMENT, f"not a sha256 digest: {digest!r}")
        return self.path / "blobs" / "sha256" / digest.removeprefix("sha256:")


class ContentStores:
    """`containerd.services.content.v1`: blobs of the layouts by store id."""

    def __init__(self) -> None:
        self._layouts: dict[str, OciLayout] = {}

    def add(self, store_id: str, layout: OciLayout) -> None:
        """Offer a layout."""
        self._layouts[store_id] = layout

    def handlers(self) -> Mapping[str, Handler]:
        """By method name."""
        return {
            _SERVICE + "Info": unary(content_pb2.InfoRequest, self._info),
            _SERVICE + "Update": unary(content_pb2.UpdateRequest, self._update),
            _SERVICE + "List": self._list,
            _SERVICE + "Delete": unary(content_pb2.DeleteContentRequest, self._delete),
            _SERVICE + "Read": self._read,
            _SERVICE + "Status": unary(content_pb2.StatusRequest, self._status),
            _SERVICE + "ListStatuses": unary(content_pb2.ListStatusesRequest, self._statuses),
            _SERVICE + "Write": self._write,
            _SERVICE + "Abort": unary(content_pb2.AbortRequest, self._abort),
        }

    def _layout(self, stream: Stream) -> OciLayout:
        store_id = "".join(stream.metadata.get("buildkit-attachable-store-id", [])[:1])
        # An op's `oci.store` arrives with "oci:" before it, a cache's directory with "local:".
        layout = self._layouts.get(store_id) or self._layouts.get(store_id.partition(":")[2])
        if layout is None:
            raise RpcStatus(NOT_FOUND, f"unknown store {store_id}")
        return layout

    def _found(self, stream: Stream, digest: str) -> content_pb2.Info:
        return _describe(self._layout(stream).blob(digest), digest)

    async def _info(self, request: content_pb2.InfoRequest, stream: Stream) -> content_pb2.InfoResponse:
        return content_pb2.InfoResponse(info=self._found(stream, request.digest))

    async def _update(self, request: content_pb2.UpdateRequest, stream: Stream) -> content_pb2.UpdateResponse:
        # Labels serve containerd's garbage collection, which an OCI layout does not have.
        return content_pb2.UpdateResponse(info=self._found(stream, request.info.digest))

    async def _delete(self, request: content_pb2.DeleteContentRequest, stream: Stream) -> empty_pb2.Empty:
        layout = self._layout(stream)
        _require_writable(layout)
        layout.blob(request.digest).unlink(missing_ok=True)
        return empty_pb2.Empty()

    async def _list(self, stream: Stream) -> None:
        await stream.receive()
        folder = self._layout(stream).path / "blobs" / "sha256"
        for name in sorted(os.listdir(folder) if folder.is_dir() else ()):  # noqa: PTH208  names are enough
            digest = f"sha256:{name}"
            if _DIGEST.match(digest):
                response = content_pb2.ListContentResponse(info=[_describe(folder / name, digest)])
                await stream.send(response.SerializeToString())

    async def _read(self, stream: Stream) -> None:
        request = content_pb2.ReadContentRequest.FromString(await stream.receive() or b"")
        path = self._layout(stream).blob(request.digest)
        size = _describe(path, request.digest).size
        end = min(size, request.offset + request.size) if request.size > 0 else size
        offset = request.offset
        while offset < end:
            data = await to_thread.run_sync(_read_at, path, offset, min(_PIECE, end - offset))
            if not data:
                raise RpcStatus(NOT_FOUND, f"{request.digest} was cut short while it was read")
            await stream.send(content_pb2.ReadContentResponse(offset=offset, data=data).SerializeToString())
            offset += len(data)

    async def _status(self, request: content_pb2.StatusRequest, _: Stream) -> content_pb2.StatusResponse:
        raise RpcStatus(NOT_FOUND, f"no write of {request.ref} is under way")

    async def _statuses(self, _: content_pb2.ListStatusesRequest, __: Stream) -> content_pb2.ListStatusesResponse:
        return content_pb2.ListStatusesResponse()

    async def _abort(self, _: content_pb2.AbortRequest, __: Stream) -> empty_pb2.Empty:
        return empty_pb2.Empty()

    async def _write(self, stream: Stream) -> None:
        layout = self._layout(stream)
        _require_writable(layout)
        ingest = _Ingest(layout)
        try:
            while (message := await stream.receive()) is not None:
                request = content_pb2.WriteContentRequest.FromString(message)
                response = await to_thread.run_sync(ingest.take, request)
                await stream.send(response.SerializeToString())
                await stream.flush()
        finally:
            ingest.close()


class _Ingest:
    """One blob on its way in: bytes beside their final place, renamed there when their digest is right."""

    def __init__(self, layout: OciLayout) -> None:
        self._layout = layout
        folder = layout.path / "blobs" / "sha256"
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f".ingest-{secrets.token_hex(8)}"
        self._file = self._path.open("xb")
        self._hash = hashlib.sha256()
        self._offset = 0

    def take(self, request: content_pb2.WriteContentRequest) -> content_pb2.WriteContentResponse:
        if request.expected and self._layout.blob(request.expected).exists():
            raise RpcStatus(_ALREADY_EXISTS, f"content {request.expected} already exists")
        if request.data:
            if request.offset != self._offset:
                raise RpcStatus(INVALID_ARGUMENT, f"write at {request.offset}, expected {self._offset}")
            self._file.write(request.data)
            self._hash.update(request.data)
            self._offset += len(request.data)
        digest = ""
        if request.action == content_pb2.COMMIT:
            digest = self._commit(request)
        return content_pb2.WriteContentResponse(
            action=request.action, offset=self._offset, total=request.total, digest=digest
        )

    def _commit(self, request: content_pb2.WriteContentRequest) -> str:
        digest = f"sha256:{self._hash.hexdigest()}"
        if request.expected and digest != request.expected:
            raise RpcStatus(INVALID_ARGUMENT, f"content is {digest}, not {request.expected}")
        if request.total and self._offset != request.total:
            raise RpcStatus(INVALID_ARGUMENT, f"content has {self._offset} bytes, not {request.total}")
        self._file.close()
        self._path.replace(self._layout.blob(digest))
        return digest

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def _describe(path: Path, digest: str) -> content_pb2.Info:
    try:
        info = path.stat()
    except OSError:
        raise RpcStatus(NOT_FOUND, f"content {digest}: not found") from None
    described = content_pb2.Info(digest=digest, size=info.st_size)
    described.created_at.FromNanoseconds(info.st_mtime_ns)
    described.updated_at.FromNanoseconds(info.st_mtime_ns)
    return described


def _read_at(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _require_writable(layout: OciLayout) -> None:
    if not layout.writable:
        raise RpcStatus(PERMISSION_DENIED, f"the layout {layout.path.name} is read-only")
