"""A few questions to a PostgreSQL server over its own protocol (version 3.0), with the standard library alone.

Enough for a server of ours that trusts us: simple queries, text values. No TLS, no passwords.
https://www.postgresql.org/docs/15/protocol-flow.html
"""

from __future__ import annotations

import socket
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from types import TracebackType

_PROTOCOL = 3 << 16
_TRUSTED = 0
Row = tuple[str | None, ...]


class PostgresError(Exception):
    """The server refused, or is no server that we can talk to; `code` is its SQLSTATE."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database is."""

    host: str
    port: int
    user: str
    database: str

    @staticmethod
    def of(url: str) -> Address:
        """From `postgresql://user@host:port/database`."""
        parts = urlsplit(url)
        user = unquote(parts.username or "postgres")
        return Address(parts.hostname or "localhost", parts.port or 5432, user, unquote(parts.path.lstrip("/")) or user)


class Connection:
    """One session with a server.

    Raises:
        OSError: nobody listens.
        PostgresError: the server does not let us in.
    """

    def __init__(self, address: Address, timeout_s: float = 30.0) -> None:
        self._socket = socket.create_connection((address.host, address.port), timeout_s)
        self._stream = self._socket.makefile("rb")
        pairs = {"user": address.user, "database": address.database, "client_encoding": "UTF8"}
        body = struct.pack("!i", _PROTOCOL)
        body += b"".join(f"{name}\0{value}\0".encode() for name, value in pairs.items()) + b"\0"
        self._socket.sendall(struct.pack("!i", len(body) + 4) + body)
        self._answers(startup=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Say goodbye."""
        try:
            self._socket.sendall(b"X" + struct.pack("!i", 4))
        except OSError:
            pass  # it is gone already
        finally:
            self._stream.close()
            self._socket.close()

    def query(self, sql: str) -> list[Row]:
        """Run statements; the rows of them all, as text.

        Raises:
            PostgresError: one of them fails; the session goes on.
            OSError: the server went away.
        """
        body = sql.encode() + b"\0"
        self._socket.sendall(b"Q" + struct.pack("!i", len(body) + 4) + body)
        return self._answers()

    def _answers(self, *, startup: bool = False) -> list[Row]:
        """Messages up to ReadyForQuery."""
        rows: list[Row] = []
        failure: PostgresError | None = None
        while True:
            kind, body = self._message()
            if kind == b"D":
                rows.append(_row(body))
            elif kind == b"E":
                failure = _error(body)
                if startup:
                    raise failure
            elif kind == b"R" and struct.unpack("!i", body[:4])[0] != _TRUSTED:
                raise PostgresError("the server asks for a password; ours trusts everybody on its loopback")
            elif kind == b"Z":
                break
        if failure is not None:
            raise failure
        return rows

    def _message(self) -> tuple[bytes, bytes]:
        kind = self._stream.read(1)
        if not kind:
            raise PostgresError("the server closed the connection")
        (length,) = struct.unpack("!i", self._stream.read(4))
        return kind, self._stream.read(length - 4)


def _row(body: bytes) -> Row:
    (count,) = struct.unpack("!h", body[:2])
    values: list[str | None] = []
    at = 2
    for _ in range(count):
        (length,) = struct.unpack("!i", body[at : at + 4])
        at += 4
        values.append(None if length < 0 else body[at : at + length].decode("utf-8", "replace"))
        at += max(length, 0)
    return tuple(values)


def _error(body: bytes) -> PostgresError:
    fields = {part[:1]: part[1:].decode("utf-8", "replace") for part in body.split(b"\0") if part}
    detail = fields.get(b"D", "")
    message = fields.get(b"M", "unknown error")
    return PostgresError(f"{message} ({detail})" if detail else message, fields.get(b"C", ""))


def quoted(name: str) -> str:
    """An identifier as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"
