"""Services that run on their own, outside of any exec: each in a container with an address, until stopped."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio

from gauntlet_engine.api.errors import ApiError, ServiceFailed
from gauntlet_engine.api.shim import SHIM_TARGET
from gauntlet_engine.graph import Bind, Cache, Output, gateway_mounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anyio.abc import TaskGroup

    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.service import Service
    from gauntlet_engine.buildkit import GatewayProcess, ResultRef
    from gauntlet_engine.graph import Exec

_START_SECONDS = 60
_STOP_SECONDS = 10
_OUTPUT_LIMIT = 1 << 20


@dataclass(eq=False)
class Instance:
    """A started service. `address` is its IP in the daemon's network."""

    address: str = ""
    started: anyio.Event = field(default_factory=anyio.Event)
    stopping: anyio.Event = field(default_factory=anyio.Event)
    ended: anyio.Event = field(default_factory=anyio.Event)
    killed: bool = False
    failure: Exception | None = None


class Instances:
    """The started services of a session; all end with it.

    Args:
        tasks: where they live.
    """

    def __init__(self, tasks: TaskGroup) -> None:
        self._tasks = tasks
        self._running: dict[Service, Instance] = {}

    def find(self, service: Service) -> Instance | None:
        """The running instance, if it was started and is ready."""
        instance = self._running.get(service)
        return instance if instance and instance.address and not instance.ended.is_set() else None

    def named(self) -> Iterator[tuple[str, str]]:
        """(hostname, address) of those whose hostname was chosen: these resolve in the whole session."""
        for service, instance in self._running.items():
            if service.chosen_hostname and instance.address and not instance.ended.is_set():
                yield service.chosen_hostname, instance.address

    async def start(self, session: EngineSession, service: Service, op: Exec) -> Instance:
        """The service's one instance, started if it does not run, and ready.

        Args:
            session: the session.
            service: what to run.
            op: the exec that it would be.

        Raises:
            ServiceFailed: it ended, or did not listen in time. SolveError.
        """
        instance = self._running.get(service)
        if instance is None or instance.ended.is_set():
            instance = self._running[service] = Instance()
            self._tasks.start_soon(self._hold, session, service, op, instance)
        await instance.started.wait()
        if instance.failure is not None:
            raise instance.failure
        return instance

    async def stop(self, service: Service, *, kill: bool) -> None:
        """End it: SIGTERM and, some seconds later or with `kill` at once, SIGKILL. Fine if it does not run."""
        instance = self._running.pop(service, None)
        if instance is None:
            return
        instance.killed = kill
        instance.stopping.set()
        await instance.ended.wait()

    async def _hold(self, session: EngineSession, service: Service, op: Exec, instance: Instance) -> None:
        try:
            await _run(session, service, op, instance)
        except Exception as error:  # noqa: BLE001  # raised where the start is awaited
            instance.failure = error
        finally:
            instance.ended.set()
            instance.started.set()


async def _run(session: EngineSession, service: Service, op: Exec, instance: Instance) -> None:
    root, results = await _solved(session, op)
    container = session.build.container(
        root,
        messages=gateway_mounts(op, results),
        network=op.network,
        hostname=service.hostname(),
        extra_hosts=dict(op.hosts),
    )
    async with container as running, anyio.create_task_group() as group:
        process = await running.start(
            op.args, env=dict(op.env), cwd=op.cwd, secret_env=op.secret_env, privileged=op.privileged
        )
        collected = _Collected(process)
        group.start_soon(collected.follow)

        async def watch() -> None:
            code = await process.wait()
            if not instance.started.is_set():
                instance.failure = collected.failure(service, code)
                group.cancel_scope.cancel()
            instance.stopping.set()

        group.start_soon(watch)
        prober = await running.start([SHIM_TARGET, "ready", _what_to_await(service)])
        answer = b"".join([data async for _, data in prober.output()])
        if await prober.wait() != 0 and instance.failure is None:
            raise ApiError(f"service {service.hostname()} did not start: {answer.decode(errors='replace').strip()}")
        instance.address = answer.decode().split()[0]
        instance.started.set()
        await instance.stopping.wait()
        await _end(process, kill=instance.killed)
        group.cancel_scope.cancel()


async def _solved(session: EngineSession, op: Exec) -> tuple[ResultRef, dict[Output, str]]:
    sources = {mount.source for mount in op.mounts if isinstance(mount, Bind | Cache) and mount.source is not None}
    results: dict[Output, str] = {}

    async def solve(source: Output) -> None:
        results[source] = (await session.solve(source)).id

    async with anyio.create_task_group() as group:
        for source in sources:
            group.start_soon(solve, source)
    return await session.solve(op.root), results


async def _end(process: GatewayProcess, *, kill: bool) -> None:
    if not kill:
        await process.signal("TERM")
        with anyio.move_on_after(_STOP_SECONDS):
            await process.wait()
            return
    await process.signal("KILL")
    with anyio.move_on_after(_STOP_SECONDS):
        await process.wait()


def _what_to_await(service: Service) -> str:
    wanted: dict[str, Any] = {
        "ports": [
            {"port": port.port, "protocol": port.protocol, "skipHealthcheck": port.experimental_skip_healthcheck}
            for port in service.ports()
        ],
        "seconds": _START_SECONDS,
    }
    return json.dumps(wanted)


class _Collected:
    """The start of what a process writes, for the error should it die before it is ready."""

    def __init__(self, process: GatewayProcess) -> None:
        self._process = process
        self._streams = {1: bytearray(), 2: bytearray()}

    async def follow(self) -> None:
        async for stream, data in self._process.output():
            if len(self._streams[stream]) < _OUTPUT_LIMIT:
                self._streams[stream] += data

    def failure(self, service: Service, code: int) -> ServiceFailed:
        return ServiceFailed(service.args, code, bytes(self._streams[1]), bytes(self._streams[2]))
