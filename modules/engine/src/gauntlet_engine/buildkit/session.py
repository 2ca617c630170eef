"""Our side of a BuildKit session: what the daemon may ask the host for."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Protocol

from gauntlet_buildkit.api import control_pb2
from gauntlet_engine.buildkit.attachables import RegistryAuth, Secrets, Sockets
from gauntlet_engine.buildkit.content import ContentStores
from gauntlet_engine.buildkit.errors import DaemonGone, SessionGone
from gauntlet_engine.buildkit.faults import RpcFault
from gauntlet_engine.buildkit.filesync import FileSync
from gauntlet_engine.buildkit.http2 import ConnectionLost, Server, Stream
from gauntlet_engine.buildkit.lifeline import Lifeline, background

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from gauntlet_engine.buildkit.channel import Channel, Duplex
    from gauntlet_engine.buildkit.content import OciLayout
    from gauntlet_engine.buildkit.filesync import LocalDir
    from gauntlet_engine.buildkit.http2 import Handler

_SERVING = b"\x08\x01"  # grpc.health.v1.HealthCheckResponse{status: SERVING}


class Attachable(Protocol):
    """One service of a session."""

    def handlers(self) -> Mapping[str, Handler]:
        """Its methods by full name, `/package.Service/Method`."""
        ...


class Attachables:
    """What sessions offer. May grow while sessions are open; several sessions may share one."""

    def __init__(self) -> None:
        self._files = FileSync()
        self._secrets = Secrets()
        self._auth = RegistryAuth()
        self._stores = ContentStores()
        self._sockets = Sockets()

    def add_local(self, name: str, directory: LocalDir) -> None:
        """Offer a host directory as `local://name`. Same name again: replaced."""
        self._files.add(name, directory)

    def add_secret(self, secret_id: str, value: bytes | Callable[[], Awaitable[bytes]]) -> None:
        """Offer a secret (≤ 500,000 bytes, BuildKit's limit); a callable is asked anew each time."""
        self._secrets.add(secret_id, value)

    def add_store(self, store_id: str, layout: OciLayout) -> None:
        """Offer an OCI layout; ops name it by `oci.store` = store_id, cache imports and exports by `local:DIR`."""
        self._stores.add(store_id, layout)

    def add_socket(self, socket_id: str, path: Path) -> None:
        """Offer a unix socket to SSH-forward mounts with that id."""
        self._sockets.add(socket_id, path)

    def add_endpoint(self, socket_id: str, port: int) -> None:
        """Offer a TCP port of our loopback to SSH-forward mounts with that id."""
        self._sockets.add(socket_id, port)

    def set_credentials(self, registries: Mapping[str, tuple[str, str]]) -> None:
        """(user, password) by registry host; others are asked anonymously."""
        self._auth.registries = dict(registries)

    def services(self) -> Sequence[Attachable]:
        """All of them, for a session to serve."""
        return (self._files, self._secrets, self._auth, self._stores, self._sockets)


class Session:
    """An open session, made by `Client.session`. Adding through `attachables` works at any time."""

    def __init__(self, attachables: Attachables, extra: Sequence[Attachable] = ()) -> None:
        self.id = secrets.token_hex(13)
        self.attachables = attachables
        self.lifeline = Lifeline()
        self._handlers: dict[str, Handler] = {"/grpc.health.v1.Health/Check": _healthy}
        for service in (*attachables.services(), *extra):
            self._handlers.update(service.handlers())

    @property
    def alive(self) -> bool:
        """Whether the daemon can still reach us."""
        return self.lifeline.error is None

    async def serve(self, channel: Channel) -> None:
        """Answer the daemon until the stream breaks; then every call on the lifeline ends with the reason."""
        methods = tuple(("x-docker-expose-session-grpc-method", method) for method in self._handlers)
        stream = channel.duplex(
            "/moby.buildkit.v1.Control/Session",
            control_pb2.BytesMessage,
            control_pb2.BytesMessage,
            metadata=(
                ("x-docker-expose-session-uuid", self.id),
                # Constant on purpose: the next session's sync of the same directory is then incremental.
                ("x-docker-expose-session-sharedkey", "gauntlet"),
                *methods,
            ),
        )
        try:
            await Server(_SessionPipe(stream), self._handlers).run()
            self.lifeline.cut(SessionGone("The daemon ended our session."))
        except RpcFault as fault:
            kind = DaemonGone if fault.code == "UNAVAILABLE" else SessionGone
            self.lifeline.cut(kind(f"The session with the daemon broke: {fault.message}"))
        except ConnectionLost as error:
            self.lifeline.cut(SessionGone(f"The session with the daemon broke: {error}"))
        except BaseExceptionGroup as group:
            fault = next((e for e in group.exceptions if isinstance(e, RpcFault | ConnectionLost)), None)
            if fault is None:
                raise
            self.lifeline.cut(DaemonGone(f"The session with the daemon broke: {fault}"))
        finally:
            await stream.aclose()


class _SessionPipe:
    def __init__(self, stream: Duplex[control_pb2.BytesMessage]) -> None:
        self._stream = stream

    async def read(self) -> bytes | None:
        message = await self._stream.read()
        return None if message is None else message.data

    async def write(self, data: bytes) -> None:
        await self._stream.write(control_pb2.BytesMessage(data=data))


async def _healthy(stream: Stream) -> None:
    await stream.receive()
    await stream.send(_SERVING)


@asynccontextmanager
async def open_session(
    channel: Channel, attachables: Attachables, extra: Sequence[Attachable] = ()
) -> AsyncGenerator[Session]:
    """A session served in the background until the block ends. `extra` are services of this session alone."""
    session = Session(attachables, extra)
    async with background() as tasks:
        tasks.start_soon(session.serve, channel)
        yield session
