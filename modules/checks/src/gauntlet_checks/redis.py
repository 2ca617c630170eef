"""A few questions to a Redis server over its own protocol (RESP2), with the standard library alone.

https://redis.io/docs/latest/develop/reference/protocol-spec/
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from types import TracebackType

Reply = None | int | bytes | list["Reply"]
_SCAN_COUNT = "500"


class RedisError(Exception):
    """The server refused, or is none."""


class Connection:
    """One connection to `redis://host:port/...`.

    Raises:
        OSError: nobody listens.
    """

    def __init__(self, url: str, timeout_s: float = 30.0) -> None:
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "localhost", parts.port or 6379), timeout_s)
        self._stream = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._socket.close()

    def call(self, *words: str | bytes) -> Reply:
        """One command and its reply.

        Raises:
            RedisError: the server answers with an error.
        """
        parts = [word.encode() if isinstance(word, str) else word for word in words]
        request = b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
        self._socket.sendall(b"*%d\r\n%s" % (len(parts), request))
        return self._reply()

    def databases(self) -> dict[int, int]:
        """Number of keys by database, of those that have any."""
        info = self.call("INFO", "keyspace")
        lines = info.decode("utf-8", "replace").splitlines() if isinstance(info, bytes) else []
        found: dict[int, int] = {}
        for line in lines:
            name, _, facts = line.partition(":keys=")
            if name.startswith("db"):
                found[int(name[2:])] = int(facts.partition(",")[0])
        return found

    def keys(self, database: int) -> dict[str, str]:
        """Every key of a database with its type."""
        self.call("SELECT", str(database))
        found: dict[str, str] = {}
        cursor: bytes = b"0"
        while True:
            reply = self.call("SCAN", cursor, "COUNT", _SCAN_COUNT)
            if not isinstance(reply, list) or not isinstance(reply[0], bytes) or not isinstance(reply[1], list):
                raise RedisError("SCAN has an unknown answer")
            cursor = reply[0]
            for key in reply[1]:
                if isinstance(key, bytes):
                    kind = self.call("TYPE", key)
                    found[key.decode("utf-8", "backslashreplace")] = kind.decode() if isinstance(kind, bytes) else "?"
            if cursor == b"0":
                return found

    def _reply(self) -> Reply:
        line = self._stream.readline()
        if not line.endswith(b"\r\n"):
            raise RedisError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest
        if kind == b"-":
            raise RedisError(rest.decode("utf-8", "replace"))
        if kind == b":":
            return int(rest)
        if kind == b"$":
            length = int(rest)
            return None if length < 0 else self._stream.read(length + 2)[:-2]
        if kind == b"*":
            return None if int(rest) < 0 else [self._reply() for _ in range(int(rest))]
        raise RedisError(f"{line[:40]!r} is no Redis reply")
