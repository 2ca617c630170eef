"""Services that run on their own, outside of any exec: each in a container with an address, until stopped."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import anyio

from gauntlet_engine.api.errors import ApiError, ServiceFailed
from gauntlet_engine.api.shim import SHIM_TARGET
from gauntlet_engine.buildkit import EngineError, SolveFailed
from gauntlet_engine.buildkit.lifeline import background
from gauntlet_engine.graph import Bind, Cache, Output, gateway_mounts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anyio.abc import TaskGroup

    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.service import Service
    from gauntlet_engine.buildkit import GatewayContainer, GatewayProcess, ResultRef
    from gauntlet_engine.graph import Exec

_START_SECONDS = 60
_STOP_SECONDS = 10
_GRACE_SECONDS = 2
_META_INDEX = 1
"""Place of the meta mount among a container's: after the root, and first of an exec's."""


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
    async with container as running, background() as group:
        # The first process is the container's init: the service, not what waits for it.
        process = await running.start(
            op.args, env=dict(op.env), cwd=op.cwd, secret_env=op.secret_env, privileged=op.privileged
        )
        address = await _address(running, process, service)
        if address is None:
            raise await _failure(running, process, service)
        instance.address = address
        instance.started.set()
        group.start_soon(_stop_when_ended, process, instance)
        await instance.stopping.wait()
        await _end(process, kill=instance.killed)


async def _address(running: GatewayContainer, process: GatewayProcess, service: Service) -> str | None:
    """The service's IP, once it listens on its ports; None when it ended before.

    Raises:
        ApiError: it does not listen in time.
    """
    answer, reason = b"", ""
    with anyio.CancelScope() as scope:
        async with background() as group:
            group.start_soon(_cancel_when_ended, process, scope)
            try:
                prober = await running.start([SHIM_TARGET, "ready", _what_to_await(service)])
                answer = b"".join([data async for _, data in prober.output()])
                if await prober.wait() == 0:
                    return answer.decode().split()[0]
            except SolveFailed as error:
                reason = error.message
    with anyio.move_on_after(_GRACE_SECONDS):
        await process.wait()
        return None
    raise ApiError(f"service {service.hostname()} did not start: {reason or answer.decode(errors='replace').strip()}")


async def _failure(running: GatewayContainer, process: GatewayProcess, service: Service) -> ServiceFailed:
    """What the shim recorded of a service that ended: the daemon loses the code of a process that ends early."""

    async def recorded(name: str) -> bytes:
        with suppress(EngineError):
            return await running.read_file(f"/{name}", mount=_META_INDEX)
        return b""

    code = (await recorded("exit-code")).strip()
    return ServiceFailed(
        service.args,
        int(code) if code else await process.wait(),
        await recorded("stdout"),
        await recorded("stderr"),
    )


async def _cancel_when_ended(process: GatewayProcess, scope: anyio.CancelScope) -> None:
    await process.wait()
    scope.cancel()


async def _stop_when_ended(process: GatewayProcess, instance: Instance) -> None:
    await process.wait()
    instance.stopping.set()


async def _solved(session: EngineSession, op: Exec) -> tuple[ResultRef, dict[Output, str]]:
    sources = [mount.source for mount in op.mounts if isinstance(mount, Bind | Cache) and mount.source is not None]
    results = {source: (await session.solve(source)).id for source in sources}
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
