"""gRPC calls with types: the only file that touches `grpc`, which has no type information of its own."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar, cast

import anyio
import grpc
import grpc.aio
from google.protobuf import empty_pb2

from gauntlet_engine.buildkit.faults import RpcFault

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

R = TypeVar("R", bound="Readable")
Metadata = tuple[tuple[str, str], ...]

_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # One connection per channel: otherwise a dead daemon's broken connection is handed to the next client.
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.max_reconnect_backoff_ms", 100),
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.min_reconnect_backoff_ms", 20),
    ("grpc.enable_http_proxy", 0),
)


_END: Any = getattr(grpc.aio, "EOF")  # noqa: B009  exported, but unknown to type checkers


class Readable(Protocol):
    """A message that can be received: protobuf's, or one that reads itself."""

    @staticmethod
    def FromString(data: bytes, /) -> Any:  # noqa: N802  protobuf's name
        """Of its bytes."""
        ...


class Writable(Protocol):
    """A message that can be sent."""

    def SerializeToString(self) -> bytes:  # noqa: N802  protobuf's name
        """Its bytes."""
        ...


class _AioCall(Protocol):
    """The part of grpc.aio's bidirectional call that we use."""

    async def read(self) -> Any: ...
    async def write(self, request: Any) -> None: ...
    async def done_writing(self) -> None: ...
    def cancel(self) -> bool: ...
    def add_done_callback(self, callback: Callable[[object], None]) -> None: ...


class Duplex(Generic[R]):
    """A bidirectional stream. Concurrent writes must be serialised by the caller (grpc.aio loses them otherwise)."""

    def __init__(self, call: _AioCall) -> None:
        self._call = call
        self._done = anyio.Event()
        call.add_done_callback(self._finished)

    def _finished(self, _: object) -> None:
        self._done.set()

    async def read(self) -> R | None:
        """Next message, None at the peer's end. Raises RpcFault."""
        try:
            message = await self._call.read()
        except grpc.aio.AioRpcError as error:
            raise _fault(error) from None
        return None if message is _END else cast("R", message)

    async def write(self, message: Writable) -> None:
        """Send one message. Raises RpcFault once the stream is broken."""
        try:
            await self._call.write(message)
        except grpc.aio.AioRpcError as error:
            raise _fault(error) from None
        except asyncio.InvalidStateError as error:  # what grpc.aio raises on a finished call
            raise RpcFault("UNAVAILABLE", f"the stream is closed: {type(error).__name__}") from None

    async def done_writing(self) -> None:
        """Half-close."""
        await self._call.done_writing()

    async def aclose(self) -> None:
        """Abort the call, and see it end: what it still had under way must not outlive the event loop."""
        self._call.cancel()
        with anyio.move_on_after(1, shield=True):
            await self._done.wait()


class Channel:
    """One connection to a daemon. Made by `open_channel`."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    async def unary(
        self,
        method: str,
        request: Writable,
        response: type[R],
        *,
        metadata: Metadata = (),
        timeout_s: float | None = None,
    ) -> R:
        """One request, one response. Cancelling the awaiting task cancels the call.

        Args:
            method: full name, `/package.Service/Method`.
            request: the message to send.
            response: the type of the answer.
            metadata: gRPC metadata.
            timeout_s: seconds, None for no limit.

        Raises:
            RpcFault: any status but OK.
        """
        open_call = self._channel.unary_unary(
            method, request_serializer=type(request).SerializeToString, response_deserializer=response.FromString
        )
        call = open_call(request, metadata=metadata, timeout=timeout_s)
        # Not awaited directly: grpc.aio's own task loses anyio's mark on a cancellation, which then goes astray.
        done = anyio.Event()

        def finished(_: object) -> None:
            done.set()

        call.add_done_callback(finished)
        try:
            await done.wait()
        finally:
            call.cancel()
        try:
            return cast("R", await call)
        except grpc.aio.AioRpcError as error:
            raise _fault(error) from None

    async def stream(
        self, method: str, request: Writable, response: type[R], *, metadata: Metadata = ()
    ) -> AsyncIterator[R]:
        """One request, many responses; raises RpcFault like `unary`."""
        open_call = self._channel.unary_stream(
            method, request_serializer=type(request).SerializeToString, response_deserializer=response.FromString
        )
        call = open_call(request, metadata=metadata)
        try:
            async for message in call:
                yield cast("R", message)
        except grpc.aio.AioRpcError as error:
            raise _fault(error) from None
        finally:
            call.cancel()

    def duplex(self, method: str, request: type[Writable], response: type[R], *, metadata: Metadata = ()) -> Duplex[R]:
        """Open a bidirectional stream of `request` and `response` messages."""
        open_call = self._channel.stream_stream(
            method, request_serializer=request.SerializeToString, response_deserializer=response.FromString
        )
        return Duplex(cast("_AioCall", open_call(metadata=metadata)))

    async def ready(self) -> None:
        """Return once the connection stands."""
        await self._channel.channel_ready()


@asynccontextmanager
async def open_channel(target: str, *, root_certificates: bytes | None = None) -> AsyncGenerator[Channel]:
    """A channel to a gRPC target (`unix:/path`, `host:port`), connecting in the background."""
    options: Sequence[tuple[str, Any]] = _OPTIONS
    if root_certificates is None:
        channel = grpc.aio.insecure_channel(target, options=options)
    else:
        channel = grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(root_certificates), options=options)
    opened = Channel(channel)
    try:
        yield opened
    finally:
        # grpc.aio delivers the late ends of cancelled calls to this event loop, and fails in another one if this is
        # closed by then. They come before the answer to a call that starts now.
        with anyio.move_on_after(0.5, shield=True):
            with suppress(RpcFault):
                await opened.unary("/grpc.health.v1.Health/Check", empty_pb2.Empty(), empty_pb2.Empty)
            await channel.close()


def _fault(error: grpc.aio.AioRpcError) -> RpcFault:
    details: bytes = b""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin" and isinstance(value, bytes):
            details = value
    return RpcFault(error.code().name, error.details() or "", details)
