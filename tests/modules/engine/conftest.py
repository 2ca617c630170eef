"""A client, a session and a build against the shared daemon; ops that run in the bootstrapped base."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from gauntlet_buildkit import exec_shim
from gauntlet_engine.buildkit import META_MOUNT, Attachables, Build, Client, LocalDir, Session, connect
from gauntlet_engine.buildkit.platform import host_platform
from gauntlet_engine.graph import Bind, Exec, Output, Source, local_source
from gauntlet_engine.images import Images

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from gauntlet_engine.state import StateDirs

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@pytest.fixture
async def client(anyio_backend: str, daemon_address: str) -> AsyncIterator[Client]:
    async with connect(daemon_address) as connected:
        yield connected


@pytest.fixture
def attachables() -> Attachables:
    offered = Attachables()
    offered.add_local("shim", LocalDir(exec_shim().parent, include=(exec_shim().name,)))
    return offered


@pytest.fixture
async def session(client: Client, attachables: Attachables) -> AsyncIterator[Session]:
    async with client.session(attachables) as opened:
        yield opened


@pytest.fixture
async def build(client: Client, session: Session) -> AsyncIterator[Build]:
    async with client.build(session) as opened:
        yield opened


@pytest.fixture
async def base(engine_state: StateDirs, build: Build, attachables: Attachables) -> Output:
    """The root of gauntlet/base:trixie."""
    image = await Images(engine_state, build, attachables).resolve("gauntlet/base:trixie")
    return Output(
        Source(
            platform=host_platform(), name="base", identifier=image.identifier, attrs=tuple(sorted(image.attrs.items()))
        )
    )


@pytest.fixture
def shell(base: Output) -> Callable[..., Exec]:
    """Makes an op that runs a shell command under the exec shim; its META_MOUNT is kept.

    `fresh` (default) gives it a cache key of its own; `spec` is merged into the shim's; other arguments are Exec's.
    """

    def command(script: str, *, fresh: bool = True, spec: Mapping[str, Any] | None = None, **more: Any) -> Exec:
        shim = local_source("shim", platform=host_platform(), shared_key="shim", include=(exec_shim().name,))
        salt = (("SALT", uuid.uuid4().hex),) if fresh else ()
        return Exec(
            platform=host_platform(),
            name=script[:60],
            args=("/.gauntlet/shim", "exec", json.dumps({"args": ["sh", "-c", script], **(spec or {})})),
            env=(("PATH", PATH), *salt),
            cwd="/",
            root=more.pop("root", base),
            mounts=(
                Bind(META_MOUNT, None, kept=True),
                Bind("/.gauntlet/shim", shim, f"/{exec_shim().name}", readonly=True),
                *more.pop("mounts", ()),
            ),
            **more,
        )

    return command


@pytest.fixture
def upload(attachables: Attachables) -> Callable[..., Output]:
    """Makes an op that reads a host folder; arguments are LocalDir's. `key` makes later ones incremental."""

    def offer(folder: Path, *, key: str = "", **selection: Any) -> Output:
        name = key or uuid.uuid4().hex
        attachables.add_local(name, LocalDir(folder, **selection))
        return local_source(name, platform=host_platform(), shared_key=name)

    return offer
