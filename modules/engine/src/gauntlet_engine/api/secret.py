"""Secrets: references without values, and the vault that holds these."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anyio

from gauntlet_engine.api.errors import ApiError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gauntlet_engine.api.context import EngineSession
    from gauntlet_engine.buildkit import Attachables


@dataclass(frozen=True)
class Secret:
    """A reference to a secret. `handle` is what cache keys see: derived from the name, URI or cacheKey alone."""

    handle: str

    def name(self, session: EngineSession) -> str:
        """The name given to setSecret, empty for a secret with a URI."""
        return session.secrets.entry(self).name

    def uri(self, session: EngineSession) -> str:
        """The URI, empty for a secret made by setSecret."""
        return session.secrets.entry(self).uri

    async def plaintext(self, session: EngineSession) -> str:
        """The value."""
        return (await session.secrets.entry(self).value()).decode(errors="replace")


@dataclass(frozen=True)
class VaultEntry:
    """A secret of this session; `value` asks for it anew."""

    name: str
    uri: str
    value: Callable[[], Awaitable[bytes]]


class SecretVault:
    """The values of one session's secrets; they leave it only towards the daemon and `plaintext`.

    Args:
        attachables: through which the daemon asks.
        environ: for `env://`.
    """

    def __init__(self, attachables: Attachables, environ: Mapping[str, str]) -> None:
        self._attachables = attachables
        self._environ = environ
        self._entries: dict[str, VaultEntry] = {}

    def set(self, name: str, plaintext: str) -> Secret:
        """A secret by name. The same name again replaces the value of the first, as in Dagger."""

        async def value() -> bytes:
            return plaintext.encode()

        return self._put(f"name:{name}", VaultEntry(name, "", value))

    def open(self, uri: str, cache_key: str | None) -> Secret:
        """A secret that the host provides: `env://NAME`, `file://PATH`, `cmd://SHELL COMMAND`.

        Raises:
            ApiError: another scheme.
        """
        scheme, separator, rest = uri.partition("://")
        if not separator:
            raise ApiError(f"malformed id: {uri!r}")
        match scheme:
            case "env":
                value = partial(self._from_env, rest)
            case "file":
                value = partial(self._from_file, rest)
            case "cmd":
                value = partial(self._from_command, rest)
            case _:
                raise ApiError(f"unsupported secret provider: {scheme!r}; this engine has env, file and cmd")
        key = f"uri:{uri}" if cache_key is None else f"key:{cache_key}"
        return self._put(key, VaultEntry("", uri, value))

    def entry(self, secret: Secret) -> VaultEntry:
        """What is known of a secret."""
        return self._entries[secret.handle]

    def offer_as(self, secret_id: str, secret: Secret) -> None:
        """Let the daemon also ask for a secret by another id (a Dockerfile names its own)."""
        self._attachables.add_secret(secret_id, self.entry(secret).value)

    def _put(self, key: str, entry: VaultEntry) -> Secret:
        handle = "secret-" + hashlib.sha256(key.encode()).hexdigest()[:32]
        self._entries[handle] = entry
        self._attachables.add_secret(handle, entry.value)
        return Secret(handle)

    async def _from_env(self, name: str) -> bytes:
        value = self._environ.get(name)
        if value is None:
            raise ApiError(f'secret env var not found: "{shortened(name)}"')
        return value.encode()

    async def _from_file(self, path: str) -> bytes:
        if path.startswith("~/"):
            path = self._environ.get("HOME", "/") + path[1:]
        try:
            return await anyio.to_thread.run_sync(Path(path).read_bytes)
        except OSError as error:
            raise ApiError(f"failed to read secret file {path!r}: {error.strerror}") from None

    async def _from_command(self, command: str) -> bytes:
        finished = await anyio.run_process(["sh", "-c", command], env=dict(self._environ), check=False)
        if finished.returncode != 0:
            raise ApiError(f'failed to run secret command "{shortened(command)}": exit status {finished.returncode}')
        return finished.stdout


def shortened(name: str) -> str:
    """The start of a name, in case that someone put the value itself there."""
    return name if len(name) < 4 else name[:3] + "..."  # noqa: PLR2004  # Dagger shows three characters
