"""What a session offers besides files and images: secrets, registry credentials, sockets."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import anyio

from gauntlet_buildkit.api import auth_pb2, secrets_pb2, sshforward_pb2
from gauntlet_engine.buildkit.http2 import NOT_FOUND, UNIMPLEMENTED, RpcStatus, Stream, unary

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from anyio.abc import SocketStream

    from gauntlet_engine.buildkit.http2 import Handler

_SOCKET_PIECE = 32 << 10


class Secrets:
    """`Secrets/GetSecret`: values by id, known or asked for at the moment of use."""

    def __init__(self) -> None:
        self._values: dict[str, bytes | Callable[[], Awaitable[bytes]]] = {}

    def add(self, secret_id: str, value: bytes | Callable[[], Awaitable[bytes]]) -> None:
        """Offer a value."""
        self._values[secret_id] = value

    def handlers(self) -> Mapping[str, Handler]:
        """By method name."""
        return {"/moby.buildkit.secrets.v1.Secrets/GetSecret": unary(secrets_pb2.GetSecretRequest, self._get)}

    async def _get(self, request: secrets_pb2.GetSecretRequest, _: Stream) -> secrets_pb2.GetSecretResponse:
        value = self._values.get(request.ID)
        if value is None:
            raise RpcStatus(NOT_FOUND, f"secret {request.ID} is not known")
        return secrets_pb2.GetSecretResponse(data=value if isinstance(value, bytes) else await value())


class RegistryAuth:
    """`Auth/*`: user and password by registry host; an empty answer means anonymous."""

    def __init__(self) -> None:
        self.registries: dict[str, tuple[str, str]] = {}

    def handlers(self) -> Mapping[str, Handler]:
        """By method name. Token methods say that we have none, and the daemon then asks for credentials."""
        service = "/moby.filesync.v1.Auth/"
        return {
            service + "Credentials": unary(auth_pb2.CredentialsRequest, self._credentials),
            service + "FetchToken": self._unsupported,
            service + "GetTokenAuthority": self._unsupported,
            service + "VerifyTokenAuthority": self._unsupported,
        }

    async def _credentials(self, request: auth_pb2.CredentialsRequest, _: Stream) -> auth_pb2.CredentialsResponse:
        user, password = self.registries.get(request.Host, ("", ""))
        return auth_pb2.CredentialsResponse(Username=user, Secret=password)

    async def _unsupported(self, stream: Stream) -> None:
        raise RpcStatus(UNIMPLEMENTED, f"{stream.method} is not offered")


class Sockets:
    """`SSH/*`: unix sockets and loopback ports of the host, forwarded to SSH mounts with their id."""

    def __init__(self) -> None:
        self._targets: dict[str, Path | int] = {}

    def add(self, socket_id: str, target: Path | int) -> None:
        """Offer a unix socket by its path, or a TCP port of 127.0.0.1."""
        self._targets[socket_id] = target

    def handlers(self) -> Mapping[str, Handler]:
        """By method name."""
        service = "/moby.sshforward.v1.SSH/"
        return {
            service + "CheckAgent": unary(sshforward_pb2.CheckAgentRequest, self._check),
            service + "ForwardAgent": self._forward,
        }

    async def _check(self, request: sshforward_pb2.CheckAgentRequest, _: Stream) -> sshforward_pb2.CheckAgentResponse:
        self._target(request.ID)
        return sshforward_pb2.CheckAgentResponse()

    def _target(self, socket_id: str) -> Path | int:
        target = self._targets.get(socket_id or "default")
        if target is None:
            raise RpcStatus(NOT_FOUND, f"socket {socket_id} is not known")
        return target

    async def _forward(self, stream: Stream) -> None:
        target = self._target("".join(stream.metadata.get("buildkit.ssh.id", [])))
        try:
            socket = await _connected(target)
        except OSError as error:
            raise RpcStatus(NOT_FOUND, f"cannot connect to {target}: {error}") from None
        async with socket, anyio.create_task_group() as tasks:
            tasks.start_soon(_from_daemon, stream, socket)
            # When the host's side closes, the call ends, and with it the container's side of the connection.
            await _to_daemon(socket, stream)
            tasks.cancel_scope.cancel()


async def _from_daemon(stream: Stream, socket: SocketStream) -> None:
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):  # seen as the end by _to_daemon
        while (message := await stream.receive()) is not None:
            await socket.send(sshforward_pb2.BytesMessage.FromString(message).data)
        await socket.send_eof()


async def _to_daemon(socket: SocketStream, stream: Stream) -> None:
    with suppress(anyio.EndOfStream, anyio.BrokenResourceError):
        while True:
            data = await socket.receive(_SOCKET_PIECE)
            await stream.send(sshforward_pb2.BytesMessage(data=data).SerializeToString())
            await stream.flush()


async def _connected(target: Path | int) -> SocketStream:
    if isinstance(target, int):
        return await anyio.connect_tcp("127.0.0.1", target)
    return await anyio.connect_unix(target)
