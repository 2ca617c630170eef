"""A gRPC server on one HTTP/2 connection whose bytes travel through another stream.

BuildKit's session turns the roles round: the daemon calls *us*, over HTTP/2 frames carried inside the messages of
a stream that we opened. grpc's own server cannot be put on such a pipe except through a socket and a proxy, which costs
2-4 times as much as speaking HTTP/2 here (`h2` is the protocol, without I/O).
"""

from __future__ import annotations

import struct
from collections import deque
from typing import TYPE_CHECKING, Protocol, TypeVar
from urllib.parse import quote

import anyio
import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from anyio.abc import TaskGroup
    from google.protobuf.message import Message

_STREAM_WINDOW = 4 << 20
_CONNECTION_WINDOW = 32 << 20
_BACKLOG = 4 << 20  # bytes of unread messages after which a stream's sender has to wait
_FLUSH = 64 << 10
_PIECE = 1 << 20  # the daemon refuses messages over 16 MiB, and a session dies of one: stay far below
_PREFIX = struct.Struct(">BI")

OK, INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED, UNIMPLEMENTED, INTERNAL = 0, 3, 5, 7, 12, 13


if TYPE_CHECKING:
    Handler = Callable[["Stream"], Awaitable[None]]


class RpcStatus(Exception):
    """Raised by a handler to answer with a gRPC status code and message."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class ConnectionLost(Exception):
    """The connection broke, or the peer broke the protocol."""


class Pipe(Protocol):
    """What carries the connection's bytes."""

    async def read(self) -> bytes | None:
        """Next bytes; None at the end."""
        ...

    async def write(self, data: bytes) -> None:
        """Send bytes (never more than 1 MiB at once)."""
        ...


class Stream:
    """One call from the peer. `metadata` maps each lower-case key to its values in order."""

    def __init__(self, server: Server, stream_id: int, method: str, metadata: dict[str, list[str]]) -> None:
        self.method = method
        self.metadata = metadata
        self._server = server
        self._id = stream_id
        self._scope = anyio.CancelScope()
        self._raw = bytearray()
        self._messages: deque[bytes] = deque()
        self._backlog = 0
        self._unacknowledged = 0
        self._ended = False
        self._arrived = anyio.Event()
        self._outgoing: list[bytes] = []
        self._outgoing_size = 0
        self._window_opened = anyio.Event()
        self._sending = anyio.Lock()
        self._headers_sent = False

    async def receive(self) -> bytes | None:
        """The next message, None when the peer has sent all."""
        while not self._messages:
            if self._ended:
                return None
            self._arrived = anyio.Event()
            await self._arrived.wait()
        message = self._messages.popleft()
        self._backlog -= len(message)
        if self._backlog < _BACKLOG:
            self._acknowledge()
        return message

    async def send(self, message: bytes) -> None:
        """Queue one message; really sent once 64 KiB wait, at `flush`, or when the handler returns."""
        self._outgoing.append(_PREFIX.pack(0, len(message)))
        self._outgoing.append(message)
        self._outgoing_size += len(message) + _PREFIX.size
        if self._outgoing_size >= _FLUSH:
            await self.flush()

    async def flush(self) -> None:
        """Send what is queued, waiting as the peer's flow control demands."""
        async with self._sending:
            data = memoryview(b"".join(self._outgoing))
            self._outgoing, self._outgoing_size = [], 0
            if not data:
                return
            self._send_headers()
            connection = self._server.connection
            while data:
                window = min(connection.local_flow_control_window(self._id), connection.max_outbound_frame_size)
                if window <= 0:
                    self._window_opened = anyio.Event()
                    await self._window_opened.wait()
                    continue
                connection.send_data(self._id, bytes(data[:window]))
                data = data[window:]
                self._server.kick()

    def _send_headers(self) -> None:
        if not self._headers_sent:
            self._headers_sent = True
            headers = [(":status", "200"), ("content-type", "application/grpc")]
            self._server.connection.send_headers(self._id, headers)

    def _acknowledge(self) -> None:
        amount, self._unacknowledged = self._unacknowledged, 0
        if amount:
            self._server.acknowledge(amount, self._id)

    def data_arrived(self, data: bytes, flow_controlled: int) -> None:
        """Take in bytes of the connection (called by the server)."""
        self._unacknowledged += flow_controlled
        self._raw += data
        start = 0
        while len(self._raw) - start >= _PREFIX.size:
            _, size = _PREFIX.unpack_from(self._raw, start)
            end = start + _PREFIX.size + size
            if len(self._raw) < end:
                break
            self._messages.append(bytes(self._raw[start + _PREFIX.size : end]))
            self._backlog += size
            start = end
        if start:
            del self._raw[:start]
        if self._backlog < _BACKLOG:
            self._acknowledge()
        self._arrived.set()

    def peer_ended(self) -> None:
        """No more messages will come."""
        self._ended = True
        self._arrived.set()

    def window_changed(self) -> None:
        """The peer may take more bytes."""
        self._window_opened.set()

    def abort(self) -> None:
        """The peer has given this call up."""
        self._scope.cancel()

    async def serve(self, handler: Handler) -> None:
        """Run the handler to its end and answer with its status."""
        status, message = OK, ""
        with self._scope:
            try:
                await handler(self)
                await self.flush()
            except RpcStatus as error:
                status, message = error.code, error.message
            except h2.exceptions.StreamClosedError:
                return
            except Exception as error:  # noqa: BLE001  a broken handler must not end the whole session
                status, message = INTERNAL, f"{type(error).__name__}: {error}"
        self._finish(status, message)

    def _finish(self, status: int, message: str) -> None:
        self._acknowledge()
        self._server.forget(self._id)
        if self._scope.cancel_called:
            return
        trailers = [("grpc-status", str(status))]
        if message:
            trailers.append(("grpc-message", quote(message, safe=" /:;,.'\"()[]{}=+-_@<>!?*&#$^|~`\\")))
        connection = self._server.connection
        try:
            self._send_headers()
            connection.send_headers(self._id, trailers, end_stream=True)
        except h2.exceptions.ProtocolError:
            return  # the peer reset the stream a moment ago
        self._server.kick()


class Server:
    """Serves `handlers` (by full method name) on a pipe until the peer closes it."""

    def __init__(self, pipe: Pipe, handlers: Mapping[str, Handler]) -> None:
        self._pipe = pipe
        self._handlers = handlers
        self._streams: dict[int, Stream] = {}
        self._dirty = anyio.Event()
        self.connection = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        self.connection.local_settings = h2.settings.Settings(
            client=False,
            initial_values={
                h2.settings.SettingCodes.INITIAL_WINDOW_SIZE: _STREAM_WINDOW,
                h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: 10_000,
            },
        )

    async def run(self) -> None:
        """Serve; returns when the peer closes.

        Raises:
            ConnectionLost: the pipe broke or the peer broke the protocol.
        """
        self.connection.initiate_connection()
        self.connection.increment_flow_control_window(_CONNECTION_WINDOW)
        self.kick()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._write)
            await self._read(tasks)
            tasks.cancel_scope.cancel()

    def kick(self) -> None:
        """Have waiting frames written."""
        self._dirty.set()

    def acknowledge(self, amount: int, stream_id: int) -> None:
        """Give the peer `amount` bytes of window back."""
        self.connection.acknowledge_received_data(amount, stream_id)
        self.kick()

    def forget(self, stream_id: int) -> None:
        """The call has ended."""
        self._streams.pop(stream_id, None)

    async def _read(self, tasks: TaskGroup) -> None:
        while (data := await self._pipe.read()) is not None:
            try:
                events = self.connection.receive_data(data)
            except h2.exceptions.ProtocolError as error:
                raise ConnectionLost(f"HTTP/2 protocol error: {error}") from error
            for event in events:
                self._handle(event, tasks)
            self.kick()

    def _handle(self, event: h2.events.Event, tasks: TaskGroup) -> None:
        if isinstance(event, h2.events.DataReceived):
            stream = self._streams.get(event.stream_id)
            size = event.flow_controlled_length or 0
            if stream is None:
                self.acknowledge(size, event.stream_id)
            else:
                stream.data_arrived(event.data or b"", size)
        elif isinstance(event, h2.events.RequestReceived):
            self._begin(event, tasks)
        elif isinstance(event, h2.events.StreamEnded):
            if stream := self._streams.get(event.stream_id):
                stream.peer_ended()
        elif isinstance(event, h2.events.StreamReset):
            if stream := self._streams.get(event.stream_id):
                stream.abort()
        elif isinstance(event, h2.events.WindowUpdated | h2.events.RemoteSettingsChanged):
            for stream in self._streams.values():
                stream.window_changed()

    def _begin(self, event: h2.events.RequestReceived, tasks: TaskGroup) -> None:
        metadata: dict[str, list[str]] = {}
        for name, value in event.headers or ():
            metadata.setdefault(str(name), []).append(str(value))
        method = "".join(metadata.get(":path", ()))
        stream = Stream(self, event.stream_id or 0, method, metadata)
        self._streams[event.stream_id or 0] = stream
        tasks.start_soon(stream.serve, self._handlers.get(method, _unimplemented))

    async def _write(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty = anyio.Event()
            data = self.connection.data_to_send()
            for start in range(0, len(data), _PIECE):
                await self._pipe.write(data[start : start + _PIECE])


async def _unimplemented(stream: Stream) -> None:
    raise RpcStatus(UNIMPLEMENTED, f"no method {stream.method}")


Q = TypeVar("Q", bound="Message")


def unary(request_type: type[Q], respond: Callable[[Q, Stream], Awaitable[Message]]) -> Handler:
    """A handler for a method with one request and one response."""

    async def handle(stream: Stream) -> None:
        request = request_type.FromString(await stream.receive() or b"")
        response = await respond(request, stream)
        await stream.send(response.SerializeToString())

    return handle
