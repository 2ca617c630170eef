"""What the daemon may ask the host for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anyio
import anyio.abc
import pytest

from gauntlet_buildkit.api import control_pb2
from gauntlet_engine.buildkit import META_MOUNT, DaemonGone, NotFound, OciLayout, SessionGone, connect
from gauntlet_engine.buildkit.platform import host_platform
from gauntlet_engine.graph import FileChange, Mkfile, Output, Socket, marshal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gauntlet_engine.buildkit import Attachables, Build, Client
    from gauntlet_engine.graph import Exec

pytestmark = [pytest.mark.anyio, pytest.mark.engine]


async def test_a_session_lives_longer_than_the_daemons_health_checks(client: Client) -> None:
    async with client.session() as session, client.build(session) as build:
        await anyio.sleep(11)  # the daemon asks every 5 s
        assert session.alive
        await build.solve(marshal(Output(FileChange(host_platform(), "x", None, (Mkfile("/f", b"x"),)))))


async def test_a_session_that_the_daemon_drops_is_a_typed_error_in_every_call(client: Client) -> None:
    async with client.session() as session, client.build(session) as build:
        session.lifeline.cut(SessionGone("gone"))
        assert not session.alive
        with pytest.raises(SessionGone):
            await build.solve(marshal(Output(FileChange(host_platform(), "x", None, (Mkfile("/f", b"y"),)))))


async def test_a_running_call_ends_when_its_session_does(build: Build, shell: Callable[..., Exec]) -> None:
    async def cut() -> None:
        await anyio.sleep(0.3)
        build.session.lifeline.cut(SessionGone("cut in mid-call"))

    with pytest.RaisesGroup(pytest.RaisesExc(SessionGone, match="cut in mid-call")):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(cut)
            await build.solve(marshal(shell("sleep 30").root_output))


async def test_a_socket_of_the_host_is_reached_from_a_process(
    build: Build, attachables: Attachables, shell: Callable[..., Exec], tmp_path: Path
) -> None:
    path = tmp_path / "s"
    attachables.add_socket("echo", path)

    async def shout(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.send((await stream.receive()).upper())

    program = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/run/s'); s.sendall(b'hello'); "
        "print(s.recv(100).decode()); print(repr(s.recv(100)))"
    )
    op = shell(f'python3 -c "{program}"', mounts=(Socket("/run/s", "echo"),))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon((await anyio.create_unix_listener(path)).serve, shout)
        ref = await build.solve(marshal(op.output_of(META_MOUNT)))
        assert await build.read_file(ref, "stdout") == b"HELLO\nb''\n"
        tasks.cancel_scope.cancel()


async def test_an_unknown_socket_is_named(build: Build, shell: Callable[..., Exec]) -> None:
    with pytest.raises(NotFound, match="nobody"):
        await build.solve(marshal(shell("true", mounts=(Socket("/run/s", "nobody"),)).root_output))


async def test_a_private_registry_gets_the_credentials_for_its_host(
    build: Build, attachables: Attachables, registry: Any
) -> None:
    registry.password = "user:pass"
    reference = f"{registry.address}/team/app:1"
    with pytest.raises(Exception, match="401"):
        await build.resolve_image(reference)
    attachables.set_credentials({registry.address: ("user", "pass")})
    with pytest.raises(NotFound, match="not found"):
        await build.resolve_image(reference)


async def test_a_cache_can_be_written_to_a_layout_of_the_host(
    client: Client, attachables: Attachables, shell: Callable[..., Exec], tmp_path: Path
) -> None:
    attachables.add_store(str(tmp_path), OciLayout(tmp_path, writable=True))
    op = shell("echo cached > /file")
    async with client.session(attachables) as session:
        cache = control_pb2.CacheOptionsEntry(Type="local", Attrs={"dest": str(tmp_path), "mode": "max"})
        request = control_pb2.SolveRequest(
            Ref="cache-" + tmp_path.name,
            Session=session.id,
            Definition=marshal(op.root_output),
            Internal=True,
            Cache=control_pb2.CacheOptions(Exports=[cache]),
        )
        answer = await client.channel.unary("/moby.buildkit.v1.Control/Solve", request, control_pb2.SolveResponse)
    digest = json.loads(answer.ExporterResponse["cache.manifest"])["digest"]
    index = json.loads((tmp_path / "blobs/sha256" / digest.removeprefix("sha256:")).read_bytes())
    assert index["layers"]
    for layer in index["layers"]:
        assert (tmp_path / "blobs/sha256" / layer["digest"].removeprefix("sha256:")).stat().st_size == layer["size"]
    assert not list((tmp_path / "blobs/sha256").glob(".ingest-*"))


async def test_a_daemon_says_what_it_is_and_what_it_holds(client: Client, build: Build) -> None:
    info = await client.info()
    assert info.version == "v0.33.1"
    assert info.platforms[0] == host_platform()
    await build.solve(marshal(Output(FileChange(host_platform(), "x", None, (Mkfile("/f", b"held"),)))))
    records = await client.disk_usage()
    assert any(record.in_use for record in records)
    assert all(record.size >= 0 and record.created_at > 1e9 for record in records)


async def test_a_prune_leaves_what_a_build_holds(client: Client, build: Build) -> None:
    ref = await build.solve(marshal(Output(FileChange(host_platform(), "x", None, (Mkfile("/f", b"in use"),)))))
    assert await client.prune(max_used_bytes=1 << 40) == 0
    assert await build.read_file(ref, "/f") == b"in use"


async def test_a_client_of_a_daemon_that_is_gone_says_so(daemon_address: str, tmp_path: Path) -> None:
    target = daemon_address.removeprefix("unix://")

    async def forward(stream: anyio.abc.SocketStream) -> None:
        async with stream, await anyio.connect_unix(target) as server, anyio.create_task_group() as tasks:
            tasks.start_soon(pump, stream, server)
            tasks.start_soon(pump, server, stream)

    async def pump(source: anyio.abc.SocketStream, sink: anyio.abc.SocketStream) -> None:
        async for data in source:
            await sink.send(data)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon((await anyio.create_unix_listener(tmp_path / "s")).serve, forward)
        async with connect(f"unix://{tmp_path}/s") as client:
            assert (await client.info()).version
            tasks.cancel_scope.cancel()
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.2)
                with pytest.raises(DaemonGone, match="went away"):
                    await client.info()
