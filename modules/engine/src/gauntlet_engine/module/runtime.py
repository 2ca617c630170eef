"""A module's own container, and one call of one of its functions in it.

Built as Dagger's Python runtime builds it (dagger/dagger sdk/python/runtime/main.go): a clean environment from the
module's lock, with nothing of ours or of the caller's, that speaks to the engine through `dagger.mod`.
"""

from __future__ import annotations

import json
import secrets
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gauntlet_engine.api import Query
from gauntlet_engine.api.container.command import Command, exec_op
from gauntlet_engine.api.function_call import CallScope, Error, FunctionCall, FunctionCallArgValue
from gauntlet_engine.buildkit import META_MOUNT, EngineError, ExecFailed
from gauntlet_engine.execution import Executor
from gauntlet_engine.module.names import pascal_case
from gauntlet_engine.server import serving

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

    from gauntlet_engine.api.container import Container
    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.api.directory import Directory
    from gauntlet_engine.api.module import Module
    from gauntlet_engine.module.source import ModuleSource

BASE_IMAGE = "gauntlet/base:trixie"
_UV = "uv==0.13.9"
_SOURCE = "/src"
_ENVIRONMENT = "/opt/venv"
_ENTRY = "import sys; from dagger.mod.cli import app; sys.exit(app())"
_MANIFESTS = ("**/pyproject.toml", "**/uv.lock", "**/.python-version")
_NEVER_SENT = ("**/.git", "**/.venv", "**/node_modules", "**/__pycache__", "**/.gauntlet", "**/.pytest_cache")


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


@dataclass(frozen=True)
class ModuleRuntime:
    """A loaded module: its container, ready to run calls, and what it declares."""

    source: ModuleSource
    container: Container
    module: Module

    @property
    def main_name(self) -> str:
        """The name of the main object."""
        return pascal_case(self.source.name)


async def load_module(session: EngineSession, source: ModuleSource, introspection: Path) -> ModuleRuntime:
    """Build the module's container and let it declare itself.

    Raises:
        EngineError: the environment cannot be built, or the module cannot be imported (the message says why).
    """
    container = await _build(session, source)
    answer = await _answer(session, container, FunctionCall(name="", parent_name=""), introspection)
    module = session.ids.load(json.loads(answer), "Module")
    return ModuleRuntime(source, container, replace(module, name=source.name))


async def call_function(
    session: EngineSession,
    runtime: ModuleRuntime,
    owner: str,
    function: str,
    *,
    state: object,
    arguments: Mapping[str, object],
    introspection: Path,
) -> object:
    """Run one function and return its value as JSON data; API objects are ids.

    Args:
        session: that it runs in.
        runtime: the module.
        owner: the object's type name.
        function: empty for the constructor.
        state: the object's state as JSON data.
        arguments: JSON data by argument name.
        introspection: folder of cached introspection answers.

    Raises:
        FunctionFailedError: the function raised.
        EngineError: it could not be run, or its process died.
    """
    call = FunctionCall(
        name=function,
        parent_name=owner,
        parent=json.dumps(state),
        input_args=tuple(FunctionCallArgValue(name, json.dumps(value)) for name, value in arguments.items()),
    )
    return json.loads(await _answer(session, runtime.container, call, introspection))


async def _build(session: EngineSession, source: ModuleSource) -> Container:
    query = Query()
    base = await query.container(session).from_(session, BASE_IMAGE)
    base = await base.with_exec(session, ["python3", "-m", "venv", "/opt/uv"])
    base = await base.with_exec(session, ["/opt/uv/bin/pip", "install", "--quiet", _UV])
    base = (
        base.with_mounted_cache("/root/.cache/uv", query.cache_volume("modpython-uv"))
        .with_env_variable("UV_PROJECT_ENVIRONMENT", _ENVIRONMENT)
        .with_env_variable("UV_LINK_MODE", "copy")
        .with_env_variable("UV_COMPILE_BYTECODE", "1")
        .with_env_variable("UV_PYTHON_DOWNLOADS", "never")
        .with_env_variable("PYTHONUNBUFFERED", "1")
        # Tells Gauntlet's own module which engine serves it: the base image's name means something only here.
        .with_env_variable("GAUNTLET_ENGINE", "embedded")
        .with_workdir(f"{_SOURCE}/{source.source}")
    )
    everything = await _upload(session, source)
    if (source.project / "uv.lock").is_file():
        # First what the locks name, so that an edit of the source does not install it again.
        manifests = await everything.filter(session, include=_MANIFESTS)
        base = await base.with_mounted_directory(session, _SOURCE, manifests)
        base = await base.with_exec(
            session, ["/opt/uv/bin/uv", "sync", "--quiet", "--frozen", "--no-dev", "--no-install-workspace"]
        )
        install = ["/opt/uv/bin/uv", "sync", "--quiet", "--frozen", "--no-dev"]
    else:
        install = ["/opt/uv/bin/uv", "sync", "--quiet", "--no-dev"]
    base = await base.with_mounted_directory(session, _SOURCE, everything)
    base = await base.with_exec(session, install)
    name = pascal_case(source.name)
    return base.with_env_variable("DAGGER_MODULE", source.name).with_env_variable("DAGGER_MAIN_OBJECT", name)


async def _upload(session: EngineSession, source: ModuleSource) -> Directory:
    include = [pattern for pattern in source.include if not pattern.startswith("!")]
    exclude = [pattern[1:] for pattern in source.include if pattern.startswith("!")]
    return Query().host().directory(
        session, str(source.root), exclude=(*_NEVER_SENT, *exclude), include=tuple(include), gitignore=True
    )  # fmt: skip


async def _answer(session: EngineSession, container: Container, call: FunctionCall, introspection: Path) -> str:
    async with _call_endpoint(session, call, introspection) as (scope, socket, token):
        secret = session.secrets.set(f"dagger-session-{socket}", token)
        started = container.with_secret_variable("DAGGER_SESSION_TOKEN", secret)
        command = Command(args=(f"{_ENVIRONMENT}/bin/python", "-c", _ENTRY), nested=True, socket=socket)
        op = await exec_op(session, started, command)
        try:
            await session.solve(op.output_of(META_MOUNT))
        except ExecFailed:
            if scope.reply.error is None:
                raise
    if scope.reply.error is not None:
        raise FunctionFailedError(scope.reply.error)
    if scope.reply.value is None:
        raise EngineError(f"{call.parent_name or 'the module'} {call.name or 'constructor'} ended without an answer")
    return scope.reply.value


@asynccontextmanager
async def _call_endpoint(
    session: EngineSession, call: FunctionCall, introspection: Path
) -> AsyncGenerator[tuple[CallScope, str, str]]:
    """The API as that one call sees it, behind a socket and a token of its own."""
    scope = CallScope(call)
    # The socket's name is new for each call and part of the exec's digest: a function is never answered from cache.
    name, token = f"gauntlet.call.{secrets.token_hex(8)}", secrets.token_urlsafe(24)
    executor = Executor(replace(session, scope=scope), introspection)
    async with serving(executor.answer, token) as port:
        session.attachables.add_endpoint(name, port)
        yield scope, name, token
