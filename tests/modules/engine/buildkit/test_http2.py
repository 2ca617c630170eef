"""Our HTTP/2 server, called by grpc's own client through a unix socket."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import grpc
import grpc.aio
import pytest

from gauntlet_engine.buildkit.http2 import NOT_FOUND, RpcStatus, Server, Stream

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    from anyio.abc import SocketStream

    from gauntlet_engine.buildkit.http2 import Handler

pytestmark = pytest.mark.anyio


class SocketPipe:
    def __init__(self, socket: SocketStream) -> None:
        self._socket = socket

    async def read(self) -> bytes | None:
        try:
            return await self._socket.receive()
        except anyio.EndOfStream:
            return None

    async def write(self, data: bytes) -> None:
        assert len(data) <= 1 << 20
        await self._socket.send(data)


@asynccontextmanager
async def served(folder: Path, **handlers: Handler) -> AsyncGenerator[Any]:
    path = folder / "s"
    methods = {f"/test.Test/{name}": handler for name, handler in handlers.items()}

    async def serve(socket: SocketStream) -> None:
        async with socket:
            await Server(SocketPipe(socket), methods).run()

    async with anyio.create_task_group() as tasks:
        listener = await anyio.create_unix_listener(path)
        tasks.start_soon(listener.serve, serve)
        options = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
        async with grpc.aio.insecure_channel(f"unix:{path}", options=options) as channel:
            yield channel
        tasks.cancel_scope.cancel()


async def echo(stream: Stream) -> None:
    while (message := await stream.receive()) is not None:
        await stream.send(message)


async def test_messages_far_larger_than_the_flow_control_windows_pass_both_ways(tmp_path: Path) -> None:
    big = bytes(range(256)) * 100_000
    async with served(tmp_path, Echo=echo) as channel:
        call = channel.stream_stream("/test.Test/Echo")()
        for _ in range(2):
            await call.write(big)
            assert await call.read() == big
        await call.done_writing()
        assert await call.code() == grpc.StatusCode.OK


async def test_many_small_messages_keep_their_order(tmp_path: Path) -> None:
    sent = [b"%d" % i for i in range(5000)]

    async def requests() -> AsyncIterator[bytes]:
        for message in sent:
            yield message

    async with served(tmp_path, Echo=echo) as channel:
        assert [m async for m in channel.stream_stream("/test.Test/Echo")(requests())] == sent


async def test_a_slow_handler_holds_the_sender_back_instead_of_filling_memory(tmp_path: Path) -> None:
    reading = anyio.Event()
    written = 0

    async def slow(stream: Stream) -> None:
        await reading.wait()
        while await stream.receive() is not None:
            pass

    async with served(tmp_path, Slow=slow) as channel, anyio.create_task_group() as tasks:
        call = channel.stream_stream("/test.Test/Slow")()

        async def write() -> None:
            nonlocal written
            for _ in range(64):
                await call.write(b"x" * (1 << 20))
                written += 1
            await call.done_writing()

        tasks.start_soon(write)
        await anyio.sleep(0.5)
        assert written < 40
        reading.set()
        assert await call.code() == grpc.StatusCode.OK
        assert written == 64


async def test_a_handlers_status_reaches_the_caller_with_its_message(tmp_path: Path) -> None:
    async def refuse(stream: Stream) -> None:
        raise RpcStatus(NOT_FOUND, "no café: 100 % \n sure")

    async with served(tmp_path, Refuse=refuse) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/test.Test/Refuse")(b"")
    assert caught.value.code() == grpc.StatusCode.NOT_FOUND
    assert caught.value.details() == "no café: 100 % \n sure"


async def test_a_broken_handler_ends_its_call_and_no_other(tmp_path: Path) -> None:
    async def broken(stream: Stream) -> None:
        raise ZeroDivisionError

    async with served(tmp_path, Broken=broken, Echo=echo) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/test.Test/Broken")(b"")
        assert caught.value.code() == grpc.StatusCode.INTERNAL
        assert await channel.unary_unary("/test.Test/Echo")(b"still here") == b"still here"


async def test_an_unknown_method_is_unimplemented(tmp_path: Path) -> None:
    async with served(tmp_path) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await channel.unary_unary("/test.Test/Nope")(b"")
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


async def test_a_caller_that_gives_up_cancels_its_handler(tmp_path: Path) -> None:
    started, cancelled = anyio.Event(), anyio.Event()

    async def wait(stream: Stream) -> None:
        started.set()
        try:
            await anyio.sleep_forever()
        finally:
            cancelled.set()

    async with served(tmp_path, Wait=wait, Echo=echo) as channel:
        call = channel.unary_unary("/test.Test/Wait")(b"")
        await started.wait()
        call.cancel()
        with anyio.fail_after(60):
            await cancelled.wait()
        assert await channel.unary_unary("/test.Test/Echo")(b"on") == b"on"


async def test_calls_run_concurrently_on_the_one_connection(tmp_path: Path) -> None:
    arrived = 0
    both = anyio.Event()

    async def meet(stream: Stream) -> None:
        nonlocal arrived
        arrived += 1
        if arrived == 2:
            both.set()
        await both.wait()
        await stream.send(b"met")

    async with served(tmp_path, Meet=meet) as channel:

        async def ask() -> None:
            assert await channel.unary_unary("/test.Test/Meet")(b"") == b"met"

        with anyio.fail_after(60):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(ask)
                tasks.start_soon(ask)
