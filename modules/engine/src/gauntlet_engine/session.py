"""A Dagger API session in this process."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gauntlet_engine.api.container.command import ENGINE_SOCKET, ENGINE_TOKEN
from gauntlet_engine.api.context import EngineSession
from gauntlet_engine.api.instances import Instances
from gauntlet_engine.api.secret import SecretVault
from gauntlet_engine.api.shim import offer_shim
from gauntlet_engine.buildkit import Attachables, SolveFailed, connect
from gauntlet_engine.buildkit.lifeline import background
from gauntlet_engine.daemon import running_daemon
from gauntlet_engine.execution import Executor
from gauntlet_engine.images import Images
from gauntlet_engine.server import serving
from gauntlet_engine.settings import CA_SECRET, SETTINGS_SECRET, read_host_settings
from gauntlet_engine.state import state_dirs

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable

    from gauntlet_engine.buildkit import Build, Client, Event, Session
    from gauntlet_engine.execution import Answer
    from gauntlet_engine.state import StateDirs


_RECURSION_LIMIT = 3000
_ENTITLEMENTS = ("security.insecure",)


@dataclass(frozen=True)
class EngineHandle:
    """A running session.

    Args:
        port: of the GraphQL endpoint on 127.0.0.1 (`DAGGER_SESSION_PORT`).
        token: `DAGGER_SESSION_TOKEN`.
        address: of the daemon behind it.
        events: progress of everything that the session runs, from the call on; may be called more than once.
        engine: what its resolvers work in, for callers in this process.
        introspection: folder of cached introspection answers.
        answer: what the endpoint answers to (query, variables, operation name), for a client in this process.
    """

    port: int
    token: str
    address: str
    events: Callable[[], AsyncIterator[Event]]
    engine: EngineSession
    introspection: Path
    answer: Callable[[str, dict[str, Any], str | None], Awaitable[Answer]]


@asynccontextmanager
async def open_session(
    *,
    address: str | None = None,
    state: StateDirs | None = None,
    log: Callable[[str], None] | None = None,
    workdir: Path | None = None,
) -> AsyncGenerator[EngineHandle]:
    """Serve the Dagger API until the block ends; everything that it still runs ends with it.

    Args:
        address: of a daemon (`unix://…`, `tcp://…`); by default BUILDKIT_HOST's or this user's own, started if needed.
        state: where that daemon and what we remember live.
        log: is told in a line what takes long (starting the daemon, bootstrapping a base image).
        workdir: relative host paths start here; the current directory by default.

    Raises:
        DaemonGone: no daemon, and why.
    """
    dirs = state or state_dirs(os.environ)
    dirs.prepare()
    # An executor of GraphQL calls itself for each level of a query, a dozen frames deep.
    sys.setrecursionlimit(max(sys.getrecursionlimit(), _RECURSION_LIMIT))
    environ = dict(os.environ)
    if address is not None:
        environ["BUILDKIT_HOST"] = address
    attachables = Attachables()
    offer_shim(attachables)
    settings = read_host_settings(environ)
    attachables.add_secret(SETTINGS_SECRET, settings.settings_json())
    attachables.add_secret(CA_SECRET, settings.ca_bundle)
    async with (
        _scratch() as scratch,
        running_daemon(dirs, environ, log=log) as found,
        connect(found) as client,
        client.session(attachables) as session,
        _build(client, session) as build,
        background() as tasks,
    ):
        info = await client.info()
        engine = EngineSession(
            client=client,
            build=build,
            attachables=attachables,
            images=Images(dirs, build, attachables, log=log),
            secrets=SecretVault(attachables, environ),
            platform=info.platforms[0],
            workdir=(workdir or Path.cwd()).absolute(),
            environ=environ,
            scratch=scratch,
            instances=Instances(tasks),
        )
        token = secrets.token_urlsafe(24)
        introspection = dirs.root / "introspection"
        executor = Executor(engine, introspection)
        nested = Executor(replace(engine, host_access=False), introspection)
        nested_token = secrets.token_urlsafe(24)
        async with serving(executor.answer, token) as port, serving(nested.answer, nested_token) as nested_port:
            attachables.add_endpoint(ENGINE_SOCKET, nested_port)
            attachables.add_secret(ENGINE_TOKEN, nested_token.encode())
            yield EngineHandle(port, token, found, build.events, engine, introspection, executor.answer)


@asynccontextmanager
async def _scratch() -> AsyncGenerator[Path]:
    with tempfile.TemporaryDirectory(prefix="gauntlet-session-") as folder:
        yield Path(folder)


@asynccontextmanager
async def _build(client: Client, session: Session) -> AsyncGenerator[Build]:
    """A build that may run privileged execs where the daemon allows these; elsewhere such an exec fails by itself."""
    async with AsyncExitStack() as stack:
        try:
            build = await stack.enter_async_context(client.build(session, entitlements=_ENTITLEMENTS))
        except SolveFailed:
            build = await stack.enter_async_context(client.build(session))
        yield build
