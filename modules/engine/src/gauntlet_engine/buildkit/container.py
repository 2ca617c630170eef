"""Processes that outlive one op: services started through the gateway."""

from __future__ import annotations

import secrets
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

import anyio

from gauntlet_buildkit.api import gateway_pb2, ops_pb2
from gauntlet_engine.buildkit.errors import SolveFailed
from gauntlet_engine.buildkit.faults import RpcFault
from gauntlet_engine.buildkit.lifeline import background

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence

    from anyio.abc import TaskGroup

    from gauntlet_engine.buildkit.build import Build
    from gauntlet_engine.buildkit.channel import Duplex

_EXEC = "/moby.buildkit.v1.frontend.LLBBridge/ExecProcess"


class GatewayProcess:
    """A started process. A non-zero exit ends its whole container (BuildKit's rule)."""

    def __init__(self, stream: Duplex[gateway_pb2.ExecMessage], process_id: str) -> None:
        self._stream = stream
        self._id = process_id
        self._writing = anyio.Lock()
        self._started = anyio.Event()
        self._ended = anyio.Event()
        self._exit_code = -1
        self._failure = ""
        self._pieces: list[tuple[int, bytes]] = []
        self._grew = anyio.Event()

    async def wait(self) -> int:
        """Exit code, once it ends (137 when its container is taken away)."""
        await self._ended.wait()
        return self._exit_code

    async def signal(self, name: str) -> None:
        """Send a signal by its short name: TERM, INT, KILL."""
        # "SIGTERM" would break the stream: the daemon knows short names only.
        await self._send(gateway_pb2.ExecMessage(Signal=gateway_pb2.SignalMessage(Name=name.removeprefix("SIG"))))

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        """(1 or 2, bytes) pieces of stdout and stderr, from the process's start; ends with it."""
        position = 0
        while True:
            while position < len(self._pieces):
                yield self._pieces[position]
                position += 1
            if self._ended.is_set():
                return
            self._grew = anyio.Event()
            await self._grew.wait()

    async def _send(self, message: gateway_pb2.ExecMessage) -> None:
        message.ProcessID = self._id
        async with self._writing:
            try:
                await self._stream.write(message)
            except RpcFault as fault:
                if not self._ended.is_set():
                    raise SolveFailed(f"the process's stream broke: {fault.message}") from None

    async def begin(self, init: gateway_pb2.InitMessage, tasks: TaskGroup) -> None:
        """Start it and follow it in `tasks`; returns once it runs. Raises SolveFailed where it cannot start."""
        await self._send(gateway_pb2.ExecMessage(Init=init))
        tasks.start_soon(self._follow)
        await self._started.wait()
        if self._failure:
            raise SolveFailed(self._failure)

    async def _follow(self) -> None:
        try:
            while (message := await self._stream.read()) is not None:
                if message.HasField("Started"):
                    self._started.set()
                elif message.HasField("File") and message.File.Data:
                    self._pieces.append((message.File.Fd, message.File.Data))
                    self._grew.set()
                elif message.HasField("Exit"):
                    # Done would follow only after stdin's EOF, so Exit is the end for us.
                    self._exit_code = message.Exit.Code
                    if not self._started.is_set():
                        self._failure = message.Exit.Error.message or f"exit code {message.Exit.Code}"
                    return
        except RpcFault as fault:
            self._exit_code = 137
            if not self._started.is_set():
                self._failure = fault.message
        finally:
            self._ended.set()
            self._started.set()
            self._grew.set()
            await self._stream.aclose()


class GatewayContainer:
    """Made by `Build.container`."""

    def __init__(self, build: Build, container_id: str, tasks: TaskGroup) -> None:
        self._build = build
        self._id = container_id
        self._tasks = tasks

    async def start(
        self,
        args: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str = "/",
        user: str = "",
        secret_env: Sequence[tuple[str, str]] = (),
        privileged: bool = False,
    ) -> GatewayProcess:
        """Start a process; raises SolveFailed where the runtime cannot.

        `secret_env` are (variable, secret id) pairs; `privileged` gives all capabilities.
        """
        stream = self._build.client.channel.duplex(
            _EXEC, gateway_pb2.ExecMessage, gateway_pb2.ExecMessage, metadata=self._build.metadata
        )
        init = gateway_pb2.InitMessage(
            ContainerID=self._id,
            Meta=ops_pb2.Meta(args=args, env=[f"{k}={v}" for k, v in (env or {}).items()], cwd=cwd, user=user),
            Fds=[1, 2],
            Security=ops_pb2.INSECURE if privileged else ops_pb2.SANDBOX,
            secretenv=[ops_pb2.SecretEnv(name=name, ID=secret) for name, secret in secret_env],
        )
        process = GatewayProcess(stream, secrets.token_hex(13))
        await process.begin(init, self._tasks)
        return process

    async def read_file(self, path: str, *, mount: int = 0) -> bytes:
        """A small file of one of the container's mounts (0 is its root), also after its processes ended.

        Raises:
            NotFound: no such file. SolveFailed: it cannot be read.
        """
        request = gateway_pb2.ReadFileRequest(Ref=self._id, FilePath=path, MountIndex=mount)
        try:
            answer = await self._build.guarded("ReadFileContainer", request, gateway_pb2.ReadFileResponse)
        except RpcFault as fault:
            raise await self._build.client.error(fault) from None
        return answer.Data


@asynccontextmanager
async def open_container(build: Build, request: gateway_pb2.NewContainerRequest) -> AsyncGenerator[GatewayContainer]:
    """The container until the block ends; its processes are killed then."""
    try:
        await build.guarded("NewContainer", request, gateway_pb2.NewContainerResponse)
    except RpcFault as fault:
        raise await build.client.error(fault) from None
    try:
        async with background() as tasks:
            yield GatewayContainer(build, request.ContainerID, tasks)
    finally:
        with anyio.move_on_after(15, shield=True):
            release = gateway_pb2.ReleaseContainerRequest(ContainerID=request.ContainerID)
            with suppress(RpcFault):  # it may have gone with its build
                await build.guarded("ReleaseContainer", release, gateway_pb2.ReleaseContainerResponse)
