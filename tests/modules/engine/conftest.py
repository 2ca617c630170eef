"""A client, a session and a build against the shared daemon; ops that run in the bootstrapped base."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from gauntlet_buildkit import exec_shim
from gauntlet_engine.buildkit import META_MOUNT, Attachables, Build, Client, LocalDir, Session, connect
from gauntlet_engine.buildkit.platform import host_platform
from gauntlet_engine.graph import Bind, Exec, Output, Source, local_source
from gauntlet_engine.images import Images

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping
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


class RegistryHandler(BaseHTTPRequestHandler):
    """The part of the OCI distribution protocol that pushing and pulling need."""

    protocol_version = "HTTP/1.1"
    registry: ClassVar[Registry]

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_GET(self) -> None:
        if self.registry.password:
            wanted = base64.b64encode(self.registry.password.encode()).decode()
            if self.headers.get("Authorization") != f"Basic {wanted}":
                self.answer(401, WWW_Authenticate='Basic realm="test"')
                return
        name, kind, key = self.parts()
        found = self.registry.manifests.get((name, key)) if kind == "manifests" else None
        if kind == "blobs" and key in self.registry.blobs:
            found = ("application/octet-stream", self.registry.blobs[key])
        if self.path == "/v2/":
            self.answer(200)
        elif found is None:
            self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}')
        else:
            digest = "sha256:" + hashlib.sha256(found[1]).hexdigest()
            self.answer(200, found[1], Content_Type=found[0], Docker_Content_Digest=digest)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.answer(202, Location=f"{self.path.rstrip('/')}/{uuid.uuid4().hex}")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        digest = "sha256:" + hashlib.sha256(body).hexdigest()
        name, kind, key = self.parts()
        if self.registry.refusing:
            self.answer(403, b'{"errors":[{"code":"DENIED","message":"not in this registry"}]}')
            return
        if kind == "manifests":
            for reference in (key, digest):
                self.registry.manifests[(name, reference)] = (self.headers["Content-Type"], body)
        else:
            self.registry.blobs[digest] = body
        self.answer(201, Docker_Content_Digest=digest)

    def parts(self) -> tuple[str, str, str]:
        match = re.match(r"/v2/(.+)/(manifests|blobs)/([^?]+)", self.path)
        return (match[1], match[2], match[3]) if match else ("", "", "")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
        """Say nothing."""


class Registry:
    """A registry on loopback."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.refusing = False
        self.password = ""
        handler = type("Handler", (RegistryHandler,), {"registry": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def registry() -> Iterator[Registry]:
    serving = Registry()
    yield serving
    serving.close()
