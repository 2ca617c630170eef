"""A module's process: declares the module, then runs one function after the other, each when it is asked for."""

from __future__ import annotations

import json
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING

import anyio

from gauntlet_engine.api.container.command import Command, exec_op
from gauntlet_engine.api.function_call import CallQueue, FunctionCall, FunctionCallArgValue
from gauntlet_engine.buildkit import META_MOUNT, EngineError
from gauntlet_engine.execution import Executor
from gauntlet_engine.module.names import pascal_case
from gauntlet_engine.module.runtime import ENVIRONMENT, module_container
from gauntlet_engine.server import serving

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.function_call import Error
    from gauntlet_engine.api.module import Module
    from gauntlet_engine.graph import Exec
    from gauntlet_engine.module.source import ModuleSource

ENTRY = files("gauntlet_engine.module").joinpath("entry.py").read_text(encoding="utf-8")


class FunctionFailedError(EngineError):
    """A function raised; the message is its error's, `values` the details as JSON texts by name."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.values = {value.name: value.value for value in error.values}

    @property
    def exit_code(self) -> int | None:
        """The exit code of the failed exec that the function let through, if it was one."""
        text = self.values.get("exitCode")
        return int(text) if text is not None and text.lstrip("-").isdigit() else None


class ModuleProcess:
    """Answers calls, one at a time."""

    def __init__(self, calls: CallQueue) -> None:
        self._calls = calls
        self._ended = anyio.Event()
        self._failure: EngineError | None = None
        self.answers = 0
        """How many calls it has answered, its declaration included."""

    async def call(self, owner: str, function: str, *, state: object, arguments: Mapping[str, object]) -> object:
        """Run one function and return its value as JSON data; API objects are ids.

        Args:
            owner: the object's type name.
            function: empty for the constructor.
            state: the object's state as JSON data.
            arguments: JSON data by argument name.

        Raises:
            FunctionFailedError: the function raised.
            EngineError: it could not be run, or its process died.
        """
        values = tuple(FunctionCallArgValue(name, json.dumps(value)) for name, value in arguments.items())
        return json.loads(await self._answer(FunctionCall(function, owner, json.dumps(state), values)))

    async def declare(self, session: EngineSession) -> Module:
        """Let the module say what it has.

        Raises:
            EngineError: it can't be imported (the message says why), or its environment can't be built.
        """
        return session.ids.load(json.loads(await self._answer(FunctionCall(name="", parent_name=""))), "Module")

    async def run(self, session: EngineSession, op: Exec) -> None:
        """Run the process, to its end or until this is cancelled."""
        try:
            await session.solve(op.output_of(META_MOUNT))
        except EngineError as error:
            self._failure = error
        self._ended.set()

    async def _answer(self, call: FunctionCall) -> str:
        answered: list[str] = []
        failed: list[EngineError] = []
        async with anyio.create_task_group() as group:

            async def ask() -> None:
                reply = await self._calls.ask(call)
                if reply.error is not None:
                    failed.append(FunctionFailedError(reply.error))
                else:
                    answered.append(reply.value or "null")
                group.cancel_scope.cancel()

            async def watch() -> None:
                await self._ended.wait()
                what = f"{call.parent_name or 'the module'} {call.name or 'constructor'}"
                failed.append(self._failure or EngineError(f"{what} ended without an answer"))
                group.cancel_scope.cancel()

            group.start_soon(ask)
            group.start_soon(watch)
        if answered:
            self.answers += 1
            return answered[0]
        raise failed[0]


@dataclass(frozen=True)
class ModuleRuntime:
    """A loaded module: its process and what it declares."""

    source: ModuleSource
    process: ModuleProcess
    module: Module

    @property
    def main_name(self) -> str:
        """The name of the main object."""
        return pascal_case(self.source.name)


@asynccontextmanager
async def running_module(
    session: EngineSession, source: ModuleSource, introspection: Path, *, started: Callable[[Exec], None]
) -> AsyncGenerator[ModuleRuntime]:
    """Build the module's container, start its process and let it declare itself; it ends with the block.

    Args:
        session: that it runs in.
        source: where it is.
        introspection: folder of cached introspection answers.
        started: is told the process's op before it runs, to follow what it writes.

    Raises:
        EngineError: the environment cannot be built, or the module cannot be imported (the message says why).
    """
    calls = CallQueue()
    # A socket and a token of its own; the socket's name is new and part of the op, so no function is ever answered
    # from cache.
    name, token = f"gauntlet.call.{secrets.token_hex(8)}", secrets.token_urlsafe(24)
    executor = Executor(replace(session, calls=calls, host_access=False), introspection)
    failure: Exception | None = None
    async with serving(executor.answer, token) as port:
        session.attachables.add_endpoint(name, port)
        secret = session.secrets.set(f"dagger-session-{name}", token)
        container = (await module_container(session, source)).with_secret_variable("DAGGER_SESSION_TOKEN", secret)
        op = await exec_op(
            session, container, Command(args=(f"{ENVIRONMENT}/bin/python", "-c", ENTRY), nested=True, socket=name)
        )
        started(op)
        process = ModuleProcess(calls)
        async with anyio.create_task_group() as group:
            group.start_soon(process.run, session, op)
            try:
                module = await process.declare(session)
                yield ModuleRuntime(source, process, replace(module, name=source.name))
            except Exception as error:  # noqa: BLE001  # raised again below, as itself and not in a group
                failure = error
            group.cancel_scope.cancel()
    if failure is not None:
        raise failure
