"""The OSV query interface (POST /v1/query) over a folder of advisories, on the loopback, for the life of a block."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

    from gauntlet_checks.osv import Advisories


@dataclass(slots=True)
class Serving:
    """A running server: where to ask, and how many packages were asked about."""

    url: str
    _asked: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])

    @property
    def queries(self) -> int:
        """Number of different packages and versions that were asked about."""
        return len(self._asked)

    def note(self, name: str, version: str) -> None:
        """Count one query."""
        self._asked.add((name, version))


@contextmanager
def serving(advisories: Advisories) -> Generator[Serving]:
    """Answer queries from `advisories` on a free port of 127.0.0.1."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    state = Serving(f"http://127.0.0.1:{server.server_port}/v1/query")
    server.RequestHandlerClass = type("Handler", (_Handler,), {"advisories": advisories, "state": state})
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    advisories: Advisories
    state: Serving

    def do_POST(self) -> None:
        """One query: {"package": {"name", "ecosystem"}, "version"}."""
        length = int(self.headers.get("content-length", "0"))
        try:
            query = json.loads(self.rfile.read(length))
            name, version = str(query["package"]["name"]), str(query["version"])
        except (ValueError, KeyError, TypeError):
            self.send_error(400)
            return
        self.state.note(name, version)
        found = self.advisories.affecting(name, version)
        body = json.dumps({"vulns": found} if found else {}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing; the report says it all."""
