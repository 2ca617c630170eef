"""What holds for every request: how large its body may be, which headers the answer has."""

from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orders.problems import describe, respond

TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class Limits:
    """ASGI middleware. Counts what really arrives: a Content-Length may be missing, or a lie."""

    def __init__(self, app: ASGIApp, max_body_bytes: int) -> None:
        self._app = app
        self._max = max_body_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self._max:
                raise HTTPException(TOO_LARGE)
            return message

        async def completed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Cache-Control"] = "no-store"
            await send(message)

        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdecimal() and int(declared) > self._max:
            await respond(describe(TOO_LARGE))(scope, receive, completed)
        else:
            await self._app(scope, counted, completed)
