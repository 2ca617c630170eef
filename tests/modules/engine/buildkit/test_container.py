"""Processes that outlive an op."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest

from gauntlet_engine.buildkit import SolveFailed
from gauntlet_engine.graph import marshal

if TYPE_CHECKING:
    from collections.abc import Callable

    from gauntlet_engine.buildkit import Build, ResultRef
    from gauntlet_engine.graph import Exec, Output

pytestmark = [pytest.mark.anyio, pytest.mark.engine]
ENV = {"PATH": "/usr/bin:/bin"}


@pytest.fixture
async def root(build: Build, base: Output) -> ResultRef:
    return await build.solve(marshal(base))


async def test_a_process_runs_says_what_it_says_and_ends(build: Build, root: ResultRef) -> None:
    async with build.container(root) as container:
        process = await container.start(["sh", "-c", "echo out; echo err >&2; exit 3"], env=ENV)
        said = [piece async for piece in process.output()]
        assert await process.wait() == 3
    assert b"".join(data for fd, data in said if fd == 1) == b"out\n"
    assert b"".join(data for fd, data in said if fd == 2) == b"err\n"


async def test_a_service_is_reached_by_an_op_through_its_address(
    build: Build, root: ResultRef, shell: Callable[..., Exec]
) -> None:
    async with build.container(root, hostname="web") as container:
        # Connecting a datagram socket sends nothing, but it chooses the address of this end.
        address_of = (
            "import socket as s; u = s.socket(type=s.SOCK_DGRAM); "
            "u.connect(('192.0.2.1', 9)); print(u.getsockname()[0])"
        )
        script = f'python3 -uc "{address_of}"; exec python3 -u -m http.server 8000'
        service = await container.start(["sh", "-c", script], env=ENV, cwd="/etc")
        said = b""
        with anyio.fail_after(60):
            async for _, data in service.output():
                said += data
                if b"Serving" in said:
                    break
        address = said.split()[0].decode()
        fetch = "python3 -c \"import urllib.request as u; print(u.urlopen('http://web:8000/hostname').status)\""
        await build.solve(marshal(shell(fetch, hosts=(("web", address),)).root_output))
        await service.signal("INT")  # as process 1 it would ignore TERM, which it does not handle
        with anyio.fail_after(60):
            assert await service.wait() == 0


async def test_a_program_that_is_not_there_cannot_start(build: Build, root: ResultRef) -> None:
    async with build.container(root) as container:
        process_or_error: object = None
        try:
            process = await container.start(["no-such-program"], env=ENV)
            process_or_error = await process.wait()
        except SolveFailed as error:
            process_or_error = error
        assert process_or_error
        assert process_or_error != 0


async def test_leaving_the_block_kills_what_still_runs(build: Build, root: ResultRef) -> None:
    async with build.container(root) as container:
        process = await container.start(["sleep", "1000"], env=ENV)
    with anyio.fail_after(60):
        assert await process.wait() != 0
