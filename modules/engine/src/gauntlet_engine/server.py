"""The GraphQL endpoint: HTTP/1.1 on the loopback, one token, one path."""

from __future__ import annotations

import base64
import hmac
import json
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio
import h11
from anyio.abc import SocketAttribute

from gauntlet_engine.buildkit import EngineError
from gauntlet_engine.execution import UNPROCESSABLE, Answer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable

    from anyio.abc import SocketStream

    Handle = Callable[[str, dict[str, Any], str | None], Awaitable[Answer]]

logger = logging.getLogger(__name__)

_MAX_BODY = 128 << 20
_PIECE = 256 << 10
_SERVED = frozenset({"/query", "/query/"})


@dataclass(frozen=True)
class _Refusal(Exception):  # an answer, not a failure
    status: int
    message: str

    @property
    def answer(self) -> Answer:
        return Answer(self.status, json.dumps({"errors": [{"message": self.message}], "data": None}).encode())


@asynccontextmanager
async def serving(handle: Handle, token: str, *, port: int = 0) -> AsyncGenerator[int]:
    """Serve until the block ends.

    Args:
        handle: answers (query, variables, operation name).
        token: user name of the basic authentication; the password is ignored.
        port: 0 for any free one.

    Yields:
        The port on 127.0.0.1.
    """
    connection = _Connection(handle, _credentials(token))
    failure: Exception | None = None
    try:
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=port)
    except OSError as error:
        remedy = "The loopback interface must be up (`ip link set lo up`)" + (" and the port free." if port else ".")
        raise EngineError(f"Nothing can listen on 127.0.0.1: {error.strerror}.", remedy=remedy) from error
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, connection.serve)
        try:
            yield listener.extra_attributes[SocketAttribute.local_port]()
        except Exception as error:  # noqa: BLE001  # raised again below, as itself and not in a group
            failure = error
        group.cancel_scope.cancel()
    if failure is not None:
        raise failure


def _credentials(token: str) -> bytes:
    return b"Basic " + base64.b64encode(f"{token}:".encode())


class _Connection:
    """What every connection is served with."""

    def __init__(self, handle: Handle, credentials: bytes) -> None:
        self._handle = handle
        self._credentials = credentials

    async def serve(self, stream: SocketStream) -> None:
        """Serve one client until it goes away."""
        async with stream:
            try:
                await self._requests(_Exchange(stream))
            except (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, h11.RemoteProtocolError):
                logger.debug("a client went away")

    async def _requests(self, exchange: _Exchange) -> None:
        while True:
            request = await exchange.next_request()
            if request is None:
                return
            try:
                body = await exchange.body(request)
                self._authorize(request)
                asked = _parse(request, body)
            except _Refusal as refusal:
                answer = refusal.answer
            else:
                answer = await exchange.while_connected(partial(self._handle, *asked))
            if answer is None:
                return
            await exchange.respond(answer)
            if not exchange.reusable():
                return

    def _authorize(self, request: h11.Request) -> None:
        given = next((value for name, value in request.headers if name == b"authorization"), b"")
        if not hmac.compare_digest(given, self._credentials):
            raise _Refusal(401, "unauthorized: the session token is missing or wrong")


class _Exchange:
    """The requests and responses of one connection."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._http = h11.Connection(h11.SERVER)

    async def next_request(self) -> h11.Request | None:
        """The next request's head; None when the client is done."""
        event = await self._next_event()
        return event if isinstance(event, h11.Request) else None

    async def body(self, request: h11.Request) -> bytes:
        """Everything that the request carries."""
        pieces: list[bytes] = []
        size = 0
        if any(name == b"expect" for name, _ in request.headers):
            await self._stream.send(self._http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
        while isinstance(event := await self._next_event(), h11.Data):
            size += len(event.data)
            if size > _MAX_BODY:
                raise _Refusal(413, f"the request is larger than {_MAX_BODY} bytes")
            pieces.append(bytes(event.data))
        return b"".join(pieces)

    async def while_connected(self, work: Callable[[], Awaitable[Answer]]) -> Answer | None:
        """The result of `work`; None when the client went away first, which cancels it."""
        answer: Answer | None = None
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                # A client that has asked says nothing more before the answer; the end of its stream is news.
                try:
                    early = await self._stream.receive(_PIECE)
                except (anyio.EndOfStream, anyio.BrokenResourceError):
                    group.cancel_scope.cancel()
                else:
                    self._http.receive_data(early)

            group.start_soon(watch)
            answer = await work()
            group.cancel_scope.cancel()
        return answer

    async def respond(self, answer: Answer) -> None:
        """Send a whole response."""
        headers = [("Content-Type", "application/json"), ("Content-Length", str(len(answer.body)))]
        if answer.status == 401:  # noqa: PLR2004  # the status' own number
            headers.append(("WWW-Authenticate", 'Basic realm="Access to the Dagger engine session"'))
        parts = [
            self._http.send(h11.Response(status_code=answer.status, headers=headers)),
            self._http.send(h11.Data(data=answer.body)),
            self._http.send(h11.EndOfMessage()),
        ]
        await self._stream.send(b"".join(part for part in parts if part))

    def reusable(self) -> bool:
        """Ready the connection for its next request, where it has one."""
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _next_event(self) -> type[h11.PAUSED | h11.NEED_DATA] | h11.Event:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event
            try:
                data = await self._stream.receive(_PIECE)
            except anyio.EndOfStream:
                data = b""
            self._http.receive_data(data)


def _parse(request: h11.Request, body: bytes) -> tuple[str, dict[str, Any], str | None]:
    path = request.target.partition(b"?")[0].decode("ascii", "replace")
    if path not in _SERVED:
        raise _Refusal(404, f"no such path: {path}; GraphQL is at /query")
    if request.method != b"POST":
        raise _Refusal(405, "GraphQL requests are POSTed")
    try:
        message: Any = json.loads(body)
    except ValueError:
        raise _Refusal(400, "the body is not JSON") from None
    match message:
        case {"query": str(text)}:
            variables: Any = message.get("variables") or {}
            operation: Any = message.get("operationName")
        case _:
            raise _Refusal(400, 'the body must be JSON: {"query": …, "variables": …, "operationName": …}')
    if not isinstance(variables, dict) or not isinstance(operation, str | None):
        raise _Refusal(UNPROCESSABLE, "variables is an object, operationName a string")
    return text, cast("dict[str, Any]", variables), operation or None
